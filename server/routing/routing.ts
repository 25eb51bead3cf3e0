import type { Db } from '../../db/open.ts'
import type { RouteApp, RouteTable, SwitchCost } from '../api/wire.ts'
import type { Clock } from '../clock.ts'
import { failpoint } from '../failpoint.ts'
import type { RouterClient } from './router-client.ts'

const POLL_MS = 20
const SLOW_POLL_MS = 200

type Deps = { db: Db; clock: Clock; router: RouterClient; onError: (cause: unknown) => void }

/** Keeps the router's table equal to ours and knows when a target is drained. */
export function routing({ db, clock, router, onError }: Deps) {
  const read = db.prepare<[], string>(`SELECT value FROM settings WHERE key = 'table_version'`).pluck()
  const write = db.prepare(
    `INSERT INTO settings (key, value) VALUES ('table_version', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  )
  let acked: { text: string; version: number } | undefined
  let apps: RouteApp[] | undefined
  let challenges: Record<string, string> = {}

  /** What the router is to hold; equal texts are equal tables. */
  const table = () => ({ apps: apps!, ...(Object.keys(challenges).length > 0 && { challenges }) })

  async function put(wanted: Omit<RouteTable, 'version'>, text: string, above: number): Promise<boolean> {
    const version = Math.max(Number(read.get() ?? 0), above) + 1
    write.run(String(version))
    failpoint('table.numbered')
    const answer = await router.putTable({ version, ...wanted })
    if (!answer.accepted) return put(wanted, text, answer.version) // it holds a newer one: a restored database, say
    acked = { text, version }
    return true
  }

  /** True once every worker serves the table as it is wanted now; false while the router does not answer. Equal tables are not sent twice. */
  async function send(): Promise<boolean> {
    const wanted = table()
    const text = JSON.stringify(wanted)
    try {
      if (acked?.text === text) return true
      return await put(wanted, text, 0)
    } catch (cause) {
      onError(cause)
      return false
    }
  }

  return {
    /** True once every worker of the router serves these apps. */
    publish(next: RouteApp[]): Promise<boolean> {
      apps = next
      return send()
    },

    /** True once every worker answers these ACME tokens, and no other. False also before the first `publish`. */
    async challenge(tokens: Record<string, string>): Promise<boolean> {
      challenges = tokens
      return apps !== undefined && (await send())
    },

    acknowledged: () => acked?.version,

    /** Forgets what was acknowledged unless the router still holds it: a router that lost its table gets it again. */
    async verify(): Promise<void> {
      const status = await router.status().catch(() => undefined)
      if (status?.version !== acked?.version) acked = undefined
    },

    /** Resolves when no request is in flight at `address` any more, or after `timeoutMs`: with how many are, as far as the router says. */
    async drained(address: string, timeoutMs: number): Promise<number> {
      const deadline = clock.now().getTime() + timeoutMs
      for (let polls = 0; ; polls++) {
        const status = await router.status().catch(() => undefined)
        const left = status?.inflight[address] ?? 0
        if (status && left === 0) return 0
        if (clock.now().getTime() >= deadline) return left
        await clock.sleep(polls < 50 ? POLL_MS : SLOW_POLL_MS)
      }
    },

    /** Starts to count what a switch costs the app's visitors; best effort. */
    openWindow: (id: string, appId: string) => router.openWindow(id, appId).catch(onError),
    closeWindow: (id: string): Promise<SwitchCost | undefined> => router.closeWindow(id).catch(() => undefined),
  }
}
export type Routing = ReturnType<typeof routing>
