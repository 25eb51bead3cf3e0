import type { Db } from '../../db/open.ts'

type Row = { app_id: string; after_ms: number; asleep_at: string | null; version: number | null }

/** An app that may sleep: after so long without a visit, and since when the release `version` does. */
export type Sleeper = {
  readonly appId: string
  readonly afterMs: number
  readonly asleep: { readonly at: Date; readonly version: number } | null
}

const fromRow = (r: Row): Sleeper => ({
  appId: r.app_id,
  afterMs: r.after_ms,
  asleep: r.asleep_at === null ? null : { at: new Date(r.asleep_at), version: r.version! },
})

/** All SQL about sleeping apps. */
export function sleepStore(db: Db) {
  const all = db.prepare<[], Row>('SELECT * FROM sleep')
  const one = db.prepare<[string], Row>('SELECT * FROM sleep WHERE app_id = ?')
  const upsert = db.prepare(`
    INSERT INTO sleep (app_id, after_ms) VALUES (@app_id, @after_ms)
    ON CONFLICT (app_id) DO UPDATE SET after_ms = excluded.after_ms`)
  const lay = db.prepare('UPDATE sleep SET asleep_at = @at, version = @version WHERE app_id = @app_id')
  const wake = db.prepare('UPDATE sleep SET asleep_at = NULL, version = NULL WHERE app_id = ? AND version IS NOT NULL')
  const remove = db.prepare('DELETE FROM sleep WHERE app_id = ?')
  return {
    list: () => all.all().map(fromRow),
    find(appId: string): Sleeper | undefined {
      const row = one.get(appId)
      return row && fromRow(row)
    },
    put: (appId: string, afterMs: number) => void upsert.run({ app_id: appId, after_ms: afterMs }),
    lay: (appId: string, version: number, at: Date) => void lay.run({ app_id: appId, version, at: at.toISOString() }),
    /** False when it was awake. */
    wake: (appId: string) => wake.run(appId).changes > 0,
    remove: (appId: string) => remove.run(appId).changes > 0,
  }
}
