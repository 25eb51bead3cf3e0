import type { Db } from '../../db/open.ts'
import type { RouteApp, SwitchCost } from '../api/wire.ts'
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

  async function put(apps: RouteApp[], text: string, above: number): Promise<boolean> {
    const version = Math.max(Number(read.get() ?? 0), above) + 1
    write.run(String(version))
    failpoint('table.numbered')
    const answer = await router.putTable({ version, apps })
    if (!answer.accepted) return put(apps, text, answer.version) // it holds a newer one: a restored database, say
    acked = { text, version }
    return true
  }

  return {
    /** True once every worker of the router serves these apps; false while it does not answer. Equal tables are not sent twice. */
    async publish(apps: RouteApp[]): Promise<boolean> {
      const text = JSON.stringify(apps)
      try {
        if (acked?.text === text) return true
        return await put(apps, text, 0)
      } catch (cause) {
        onError(cause)
        return false
      }
    },

    /** Forgets what was acknowledged unless the router still holds it: a router that lost its table gets it again. */
    async verify(): Promise<void> {
      const status = await router.status().catch(() => undefined)
      if (status?.version !== acked?.version) acked = undefined
    },

    /** Resolves when no request is in flight at `address` any more: true; or after `timeoutMs`, or while the router is away: false. */
    async drained(address: string, timeoutMs: number): Promise<boolean> {
      const deadline = clock.now().getTime() + timeoutMs
      for (let polls = 0; ; polls++) {
        const status = await router.status().catch(() => undefined)
        if (status && !status.inflight[address]) return true
        if (clock.now().getTime() >= deadline) return false
        await clock.sleep(polls < 50 ? POLL_MS : SLOW_POLL_MS)
      }
    },

    /** Starts to count what a switch costs the app's visitors; best effort. */
    openWindow: (id: string, appId: string) => router.openWindow(id, appId).catch(onError),
    closeWindow: (id: string): Promise<SwitchCost | undefined> => router.closeWindow(id).catch(() => undefined),
  }
}
export type Routing = ReturnType<typeof routing>
