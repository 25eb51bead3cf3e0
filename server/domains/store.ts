import type { Db } from '../../db/open.ts'
import type { Domain } from './domain.ts'

type Row = { id: string; app_id: string; hostname: string; created_at: string; updated_at: string; cert_id: string | null }
type DefaultRow = { is_on: number; cert_id: string | null }

const fromRow = (r: Row): Domain => ({
  id: r.id,
  appId: r.app_id,
  hostname: r.hostname,
  kind: 'custom',
  isOn: true,
  certId: r.cert_id,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** All SQL about domains; of the default ones only what differs is stored. */
export function domainStore(db: Db) {
  const byApp = db.prepare<[string], Row>('SELECT * FROM domains WHERE app_id = ? ORDER BY created_at, hostname')
  const byName = db.prepare<[string], Row>('SELECT * FROM domains WHERE hostname = ?')
  /** Names one label below `parent`, which has no wildcard characters of GLOB. */
  const below = db.prepare<{ parent: string; labels: string }, Row>(
    `SELECT * FROM domains WHERE hostname GLOB '*.' || @parent AND hostname NOT GLOB @labels`,
  )
  const insert = db.prepare(`
    INSERT INTO domains ( id,  app_id,  hostname,  created_at,  updated_at)
    VALUES              (@id, @app_id, @hostname, @created_at, @created_at)`)
  const remove = db.prepare('DELETE FROM domains WHERE id = ?')
  const choose = db.prepare('UPDATE domains SET cert_id = ?, updated_at = ? WHERE id = ?')
  const defaultOf = db.prepare<[string], DefaultRow>('SELECT is_on, cert_id FROM default_domains WHERE app_id = ?')
  const setDefault = db.prepare(`
    INSERT INTO default_domains (app_id, is_on, cert_id) VALUES (@app_id, @is_on, @cert_id)
    ON CONFLICT (app_id) DO UPDATE SET is_on = excluded.is_on, cert_id = excluded.cert_id`)
  return {
    list: (appId: string) => byApp.all(appId).map(fromRow),
    findByName(hostname: string) {
      const row = byName.get(hostname)
      return row && fromRow(row)
    },
    /** Those that a wildcard over `parent` would cover. */
    listBelow: (parent: string) => below.all({ parent, labels: `*.*.${parent}` }).map(fromRow),
    insert: ({ id, appId, hostname, createdAt }: Domain) =>
      void insert.run({ id, app_id: appId, hostname, created_at: createdAt.toISOString() }),
    remove: (id: string) => void remove.run(id),
    choose: (id: string, certId: string | null, at: Date) => void choose.run(certId, at.toISOString(), id),
    defaultOf(appId: string): { isOn: boolean; certId: string | null } {
      const row = defaultOf.get(appId)
      return { isOn: row?.is_on !== 0, certId: row?.cert_id ?? null }
    },
    setDefault: (appId: string, { isOn, certId }: { isOn: boolean; certId: string | null }) =>
      void setDefault.run({ app_id: appId, is_on: Number(isOn), cert_id: certId }),
  }
}
