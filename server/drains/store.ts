import type { Db } from '../../db/open.ts'
import type { Vault } from '../secrets/vault.ts'

export type Drain = { id: string; appId: string; url: string; token: string; position: number; createdAt: Date; updatedAt: Date }
type Row = {
  id: string
  app_id: string
  sealed_url: Buffer
  token: string
  position: number
  created_at: string
  updated_at: string
}

export function drainStore(db: Db, vault: Vault) {
  const fromRow = (r: Row): Drain => ({
    id: r.id, appId: r.app_id, url: vault.open(r.sealed_url, `drain/${r.id}`), token: r.token, position: r.position,
    createdAt: new Date(r.created_at), updatedAt: new Date(r.updated_at),
  }) // prettier-ignore
  const all = db.prepare<[], Row>('SELECT * FROM drains ORDER BY created_at, id')
  const byApp = db.prepare<[string], Row>('SELECT * FROM drains WHERE app_id = ? ORDER BY created_at, id')
  const insert = db.prepare(`
    INSERT INTO drains (id, app_id, sealed_url, token, position, created_at, updated_at)
    VALUES (@id, @app_id, @sealed_url, @token, @position, @at, @at)`)
  const remove = db.prepare('DELETE FROM drains WHERE id = ?')
  const move = db.prepare('UPDATE drains SET position = ? WHERE id = ?')
  return {
    all: () => all.all().map(fromRow),
    byApp: (appId: string) => byApp.all(appId).map(fromRow),
    insert: ({ id, appId, url, token, position }: Omit<Drain, 'createdAt' | 'updatedAt'>, at: Date) =>
      void insert.run({ id, app_id: appId, sealed_url: vault.seal(url, `drain/${id}`), token, position, at: at.toISOString() }),
    remove: (id: string) => void remove.run(id),
    /** How far the receiver has got. */
    move: (id: string, position: number) => void move.run(position, id),
  }
}
