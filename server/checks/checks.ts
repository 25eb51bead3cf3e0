import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import { invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'

/** How to find out whether a process that listens is well. Times in milliseconds. */
export type Check = {
  /** Answers 2xx or 3xx when it is well; null = it is enough that the port accepts connections. */
  readonly path: string | null
  readonly intervalMs: number
  readonly timeoutMs: number
  /** As many in a row that fail, and the process is started anew. */
  readonly failures: number
}

/** For every web process: one that no longer listens is noticed also when nobody has set a path. */
export const DEFAULT_CHECK: Check = { path: null, intervalMs: 15_000, timeoutMs: 5_000, failures: 3 }

type Row = { type: string; path: string; interval_ms: number; timeout_ms: number; failures: number }
type Input = { path: string; interval?: number; timeout?: number; failures?: number }

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
    list: (appId: string) => byApp.all(appId).map(fromRow),
    /** What a process of this type is held to. */
    of: (appId: string, type: string): Check =>
      byApp
        .all(appId)
        .map(fromRow)
        .find((one) => one.type === type)?.check ?? DEFAULT_CHECK,
    /** Seconds in, as people say them. Throws invalid_params. */
    set(app: App, user: { email: string }, type: string, { path, interval = 15, timeout = 5, failures = 3 }: Input): Check {
      if (type !== 'web') throw invalid(`Only web processes listen, so only web has a health check, not ${JSON.stringify(type)}.`)
      if (typeof path !== 'string' || !/^\/[\x21-\x7e]{0,500}$/.test(path))
        throw invalid('path should be a path such as /health.')
      const [intervalMs, timeoutMs] = [between('interval', interval, 1, 3600) * 1000, between('timeout', timeout, 0.1, 60) * 1000]
      if (!Number.isInteger(failures)) throw invalid('failures should be a whole number from 1 to 100.')
      upsert.run({ app_id: app.id, type, path, interval_ms: intervalMs, timeout_ms: timeoutMs, failures: between('failures', failures, 1, 100) }) // prettier-ignore
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

function between(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw invalid(`${name} should be a number from ${low} to ${high}.`)
  return value
}
