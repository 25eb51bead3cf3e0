import type { AppCounts, RouterCounts } from '../server/api/wire.ts'
import type { Code } from './codes.ts'

/** Upper bounds of the classes of durations, in milliseconds; what takes longer is in one more. */
export const DURATIONS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const
/** Where requests are counted that no app has: unknown hosts and what is no request at all. */
export const NOBODY = ''

/** How one request ended. `ms` is undefined for a WebSocket: its life is no latency. */
export type Ending = {
  status: number
  code?: Code | undefined
  ms?: number | undefined
  sent: number
  received: number
}

/** What the requests of one process were, by app, since it was last asked. */
export class Tally {
  #apps = new Map<string, AppCounts>()

  count(appId: string, { status, code, ms, sent, received }: Ending): void {
    let counts = this.#apps.get(appId)
    if (!counts) this.#apps.set(appId, (counts = noCounts()))
    const hundreds = Math.floor(status / 100) - 1
    counts.requests[hundreds]! += 1
    counts.sent += sent
    counts.received += received
    if (code !== undefined) counts.codes[code] = (counts.codes[code] ?? 0) + 1
    if (ms === undefined) return
    counts.durations[classOf(ms)]! += 1
    counts.durationMs += ms
  }

  /** The counts, which begin at 0 again. */
  take(): Record<string, AppCounts> {
    const taken = Object.fromEntries(this.#apps)
    this.#apps.clear()
    return taken
  }
}

function classOf(ms: number): number {
  let at = 0
  while (at < DURATIONS_MS.length && ms > DURATIONS_MS[at]!) at += 1
  return at
}

const noCounts = (): AppCounts => ({
  requests: [0, 0, 0, 0, 0],
  codes: {},
  sent: 0,
  received: 0,
  durations: Array<number>(DURATIONS_MS.length + 1).fill(0),
  durationMs: 0,
})

/** What one process of the router says of itself; `counts` since it was last asked. */
export type ProcessCounts = {
  counts: Record<string, AppCounts>
  inflight: Record<string, number>
  connections: number
  memoryBytes: number
}

/** The sums over all processes since the router started, which outlive a worker. */
export class Ledger {
  readonly #since = new Date().toISOString()
  #apps = new Map<string, AppCounts>()

  /** Adds what the processes counted; one that did not answer has ended, and with it what it had not told. */
  sum(all: readonly (ProcessCounts | undefined)[]): RouterCounts {
    const told = all.filter((one) => one !== undefined)
    const inflight: Record<string, number> = {}
    for (const one of told) {
      for (const [id, counts] of Object.entries(one.counts)) this.#add(id, counts)
      for (const [id, count] of Object.entries(one.inflight)) inflight[id] = (inflight[id] ?? 0) + count
    }
    const total = (key: 'connections' | 'memoryBytes') => told.reduce((sum, one) => sum + one[key], 0)
    return {
      since: this.#since, durationsMs: [...DURATIONS_MS], apps: Object.fromEntries(this.#apps), inflight,
      connections: total('connections'), memoryBytes: total('memoryBytes'),
    } // prettier-ignore
  }

  /** Forgets apps that are no more. */
  keep(known: ReadonlySet<string>): void {
    for (const id of this.#apps.keys()) if (id !== NOBODY && !known.has(id)) this.#apps.delete(id)
  }

  #add(id: string, more: AppCounts): void {
    const sum = this.#apps.get(id) ?? noCounts()
    this.#apps.set(id, sum)
    for (const key of ['requests', 'durations'] as const) more[key].forEach((count, i) => (sum[key][i]! += count))
    for (const [code, count] of Object.entries(more.codes)) sum.codes[code] = (sum.codes[code] ?? 0) + count
    for (const key of ['sent', 'received', 'durationMs'] as const) sum[key] += more[key]
  }
}
