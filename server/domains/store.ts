import type { Db } from '../../db/open.ts'
import type { Domain } from './domain.ts'

type Row = { id: string; app_id: string; hostname: string; created_at: string; updated_at: string }

const fromRow = (r: Row): Domain => ({
  id: r.id,
  appId: r.app_id,
  hostname: r.hostname,
  kind: 'custom',
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** All SQL about custom domains; the default one is not stored. */
export function domainStore(db: Db) {
  const byApp = db.prepare<[string], Row>('SELECT * FROM domains WHERE app_id = ? ORDER BY created_at, hostname')
  const byName = db.prepare<[string], Row>('SELECT * FROM domains WHERE hostname = ?')
  const insert = db.prepare(`
    INSERT INTO domains ( id,  app_id,  hostname,  created_at,  updated_at)
    VALUES              (@id, @app_id, @hostname, @created_at, @created_at)`)
  const remove = db.prepare('DELETE FROM domains WHERE id = ?')
  return {
    list: (appId: string) => byApp.all(appId).map(fromRow),
    findByName(hostname: string) {
      const row = byName.get(hostname)
      return row && fromRow(row)
    },
    insert: ({ id, appId, hostname, createdAt }: Domain) =>
      void insert.run({ id, app_id: appId, hostname, created_at: createdAt.toISOString() }),
    remove: (id: string) => void remove.run(id),
  }
}
