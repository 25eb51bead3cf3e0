import type { SwitchCost } from '../api/wire.ts'
import type { Failure } from '../releases/release.ts'
import { dynoName, exitText, type Have, type Slot } from './plan.ts'

/** How a `ps:restart` fares. `failed` = a new process did not stay up: the old ones serve on, and the platform goes on trying. */
export type RestartReport = {
  readonly number: number
  readonly status: 'pending' | 'succeeded' | 'failed'
  readonly reason: string | null
  readonly cost: SwitchCost | null
  readonly failure: Failure | null
}

type Deps = {
  openWindow(id: string, appId: string): Promise<void>
  closeWindow(id: string): Promise<SwitchCost | undefined>
  /** What the process of a container wrote last; once it has all been read. */
  lastLines(have: Look['haves'][number], appId: string): Promise<readonly string[]>
}
type Look = {
  appId: string
  slots: readonly Slot[]
  haves: readonly Have[]
  /** No request is in flight there any more. */
  isDrained: (id: string) => boolean
}

const KEPT = 200
const windowOf = (appId: string, number: number) => `restart-${number}-${appId}`

/** Who waits for a restart is told how it ended and what it cost. In memory: the successor of a controller that died finds out anew, without the cost. */
export function restarts({ openWindow, closeWindow, lastLines }: Deps) {
  const known = new Map<string, RestartReport>()
  const closing = new Set<string>()
  /** Why we killed a container: says more than its exit status. */
  const verdicts = new Map<string, string>()

  function put(appId: string, report: RestartReport) {
    known.set(windowOf(appId, report.number), report)
    if (known.size > KEPT) known.delete(known.keys().next().value!)
    return report
  }

  const pending = (appId: string, number: number) =>
    put(appId, { number, status: 'pending', reason: null, cost: null, failure: null })

  async function settle({ appId }: Look, report: RestartReport, failed: Have | undefined) {
    const id = windowOf(appId, report.number)
    if (closing.has(id)) return
    closing.add(id)
    try {
      const cost = (await closeWindow(id)) ?? null
      const name = failed && dynoName(failed)
      const failure = failed && name ? { dyno: name, lines: await lastLines(failed, appId).catch(() => []) } : null
      const reason = failed ? `${name} ${verdicts.get(failed.id) ?? exitText(failed)}.` : null
      put(appId, { ...report, status: failed ? 'failed' : 'succeeded', reason, cost, failure })
    } finally {
      closing.delete(id)
    }
  }

  return {
    begin(appId: string, number: number) {
      pending(appId, number)
      void openWindow(windowOf(appId, number), appId)
    },
    find: (appId: string, number: number) => known.get(windowOf(appId, number)) ?? pending(appId, number),
    killed: ({ id }: Pick<Have, 'id'>, why: string) => {
      verdicts.set(id, why)
      if (verdicts.size > KEPT) verdicts.delete(verdicts.keys().next().value!)
    },
    /** Once in each pass, which does not wait for what the router and the engine's log are asked. */
    look(at: Look): void {
      for (const [id, report] of known) {
        if (report.status !== 'pending' || !id.endsWith(at.appId)) continue
        const failed = firstFailed(report.number, at)
        if (failed || isThrough(report.number, at)) void settle(at, report, failed)
      }
    },
  }
}
export type Restarts = ReturnType<typeof restarts>

const isIn = (slot: Slot, have: Have) => have.type === slot.type && have.ordinal === slot.ordinal
const covered = (number: number, slots: readonly Slot[]) => slots.filter((slot) => !slot.stopped && slot.generation >= number)

function firstFailed(number: number, { slots, haves }: Look): Have | undefined {
  const fresh = haves.filter((have) => covered(number, slots).some((slot) => isIn(slot, have) && have.generation >= number))
  return fresh.find((have) => have.state === 'dead')
}

function isThrough(number: number, { slots, haves, isDrained }: Look): boolean {
  return covered(number, slots).every((slot) => {
    const mine = haves.filter((have) => isIn(slot, have))
    const isUp = mine.some((have) => have.generation >= number && have.state === 'up' && !have.retiring)
    const old = mine.filter((have) => have.generation < number && (have.state === 'up' || have.state === 'starting'))
    return isUp && old.every((have) => isDrained(have.id))
  })
}
