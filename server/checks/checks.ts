import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import { invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import { parseCheck, type Check, type CheckInput } from '../manifest/check.ts'

/** For every web process: one that no longer listens is noticed also when nobody has set a path. */
export const DEFAULT_CHECK: Check = { path: null, intervalMs: 15_000, timeoutMs: 5_000, failures: 3 }

type Row = { type: string; path: string; interval_ms: number; timeout_ms: number; failures: number }
type Declared = Readonly<Record<string, Check>>

const fromRow = ({ type, path, interval_ms: intervalMs, timeout_ms: timeoutMs, failures }: Row) => ({
  type,
  check: { path, intervalMs, timeoutMs, failures } satisfies Check,
})

/** The apps' health checks, by process type. Only `web` listens, so only `web` has one. */
export function checks({ db, logs, wake }: { db: Db; logs: LogSink; wake: () => void }) {
  const byApp = db.prepare<[string], Row>('SELECT * FROM checks WHERE app_id = ? ORDER BY type')
  const upsert = db.prepare(`
    INSERT INTO checks (app_id, type, path, interval_ms, timeout_ms, failures) VALUES (@app_id, @type, @path, @interval_ms, @timeout_ms, @failures)
    ON CONFLICT (app_id, type) DO UPDATE
    SET path = excluded.path, interval_ms = excluded.interval_ms, timeout_ms = excluded.timeout_ms, failures = excluded.failures`)
  const remove = db.prepare('DELETE FROM checks WHERE app_id = ? AND type = ?')
  const tell = (app: App, text: string) => logs.publish({ appId: app.id, source: 'app', dyno: 'api', text })

  return {
    /** The app's own, then those of `declared`, its app.json, that it does not override. */
    list(appId: string, declared: Declared = {}) {
      const own = byApp.all(appId).map(fromRow)
      const rest = Object.entries(declared).filter(([type]) => !own.some((one) => one.type === type))
      return [...own, ...rest.map(([type, check]) => ({ type, check }))]
    },
    /** What a process of this type is held to, whose release declares `declared` in its app.json. */
    of: (appId: string, type: string, declared: Declared = {}): Check =>
      byApp.all(appId).map(fromRow).find((one) => one.type === type)?.check ?? declared[type] ?? DEFAULT_CHECK, // prettier-ignore
    /** Throws invalid_params. */
    set(app: App, user: { email: string }, type: string, input: CheckInput): Check {
      const { path, intervalMs, timeoutMs, failures } = parseCheck(type, input)
      upsert.run({ app_id: app.id, type, path, interval_ms: intervalMs, timeout_ms: timeoutMs, failures })
      tell(app, `Set health check of ${type} to ${path} by user ${user.email}`)
      wake()
      return this.of(app.id, type)
    },
    unset(app: App, user: { email: string }, type: string): void {
      if (remove.run(app.id, type).changes === 0) throw invalid(`${app.name} has no health check for ${JSON.stringify(type)}.`)
      tell(app, `Remove health check of ${type} by user ${user.email}`)
      wake()
    },
  }
}
