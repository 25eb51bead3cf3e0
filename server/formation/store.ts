import type { Db } from '../../db/open.ts'

type Row = { type: string; id: string; quantity: number; updated_at: string }
type RestartRow = { type: string; ordinal: number; number: number; stopped: number | null }

export type Wanted = { readonly type: string; readonly id: string; readonly quantity: number; readonly updatedAt: Date }
/** A `ps:restart` or `ps:stop` that still counts. type '' = all types, ordinal 0 = all of the type. */
export type Restart = {
  readonly type: string
  readonly ordinal: number
  readonly number: number
  readonly stopped: number | null
}

/** All SQL about wanted counts and restarts. */
export function formationStore(db: Db) {
  const byApp = db.prepare<[string], Row>('SELECT type, id, quantity, updated_at FROM formation WHERE app_id = ?')
  const upsert = db.prepare(`
    INSERT INTO formation (app_id, type, id, quantity, updated_at) VALUES (@app_id, @type, @id, @quantity, @updated_at)
    ON CONFLICT (app_id, type) DO UPDATE SET quantity = excluded.quantity, updated_at = excluded.updated_at`)
  const restarts = db.prepare<[string], RestartRow>('SELECT type, ordinal, number, stopped FROM restarts WHERE app_id = ?')
  const restart = db.prepare<Omit<Restart, 'number'> & { app_id: string }, number>(`
    INSERT INTO restarts (app_id, type, ordinal, number, stopped)
    VALUES (@app_id, @type, @ordinal, (SELECT coalesce(max(number), 0) + 1 FROM restarts WHERE app_id = @app_id), @stopped)
    ON CONFLICT (app_id, type, ordinal) DO UPDATE SET number = excluded.number, stopped = excluded.stopped
    RETURNING number`).pluck() // prettier-ignore
  const unstop = db.prepare('UPDATE restarts SET stopped = NULL WHERE app_id = ? AND type = ?')

  return {
    list: (appId: string): Wanted[] =>
      byApp.all(appId).map(({ updated_at, ...row }) => ({ ...row, updatedAt: new Date(updated_at) })),
    put(appId: string, { type, id, quantity, updatedAt }: Wanted) {
      upsert.run({ app_id: appId, type, id, quantity, updated_at: updatedAt.toISOString() })
      unstop.run(appId, type)
    },
    restarts: (appId: string): Restart[] => restarts.all(appId),
    /** Returns its number. */
    putRestart: (appId: string, { type, ordinal, stopped }: Omit<Restart, 'number'>): number =>
      restart.get({ app_id: appId, type, ordinal, stopped })!,
  }
}

export type FormationStore = ReturnType<typeof formationStore>
