import type { Db } from '../../db/open.ts'

/** Something that was changed. */
export type PlatformEvent = {
  readonly id: string
  /** null = of no app. */
  readonly appId: string | null
  /** As the API calls it: "release", "domain". */
  readonly resource: string
  readonly action: 'create' | 'update' | 'destroy'
  /** The resource as the API shows it; never a secret. */
  readonly data: Readonly<Record<string, unknown>>
  /** null = the platform itself. */
  readonly actor: { readonly id: string; readonly email: string } | null
  readonly createdAt: Date
}

type Row = {
  id: string
  app_id: string | null
  resource: string
  action: PlatformEvent['action']
  data: string
  actor_id: string | null
  actor_email: string | null
  created_at: string
}

const fromRow = (r: Row): PlatformEvent => ({
  id: r.id,
  appId: r.app_id,
  resource: r.resource,
  action: r.action,
  data: JSON.parse(r.data) as PlatformEvent['data'],
  actor: r.actor_id === null ? null : { id: r.actor_id, email: r.actor_email ?? '' },
  createdAt: new Date(r.created_at),
})

/** How many events are kept, of all apps together. */
const KEPT = 20_000
const MOST_LISTED = 1000

/** All SQL about events. */
export function eventStore(db: Db) {
  const insert = db.prepare(`
    INSERT INTO events ( id,  app_id,  resource,  action,  data,  actor_id,  actor_email,  created_at)
    VALUES             (@id, @app_id, @resource, @action, @data, @actor_id, @actor_email, @created_at)`)
  const prune = db.prepare('DELETE FROM events WHERE sequence <= ?')
  const byApp = db.prepare<[string, number], Row>('SELECT * FROM events WHERE app_id = ? ORDER BY sequence DESC LIMIT ?')
  const all = db.prepare<[number], Row>('SELECT * FROM events ORDER BY sequence DESC LIMIT ?')
  const byId = db.prepare<[string], Row>('SELECT * FROM events WHERE id = ?')
  return {
    insert(event: PlatformEvent) {
      const { lastInsertRowid } = insert.run({
        id: event.id, app_id: event.appId, resource: event.resource, action: event.action, data: JSON.stringify(event.data),
        actor_id: event.actor?.id ?? null, actor_email: event.actor?.email ?? null, created_at: event.createdAt.toISOString(),
      }) // prettier-ignore
      prune.run(Number(lastInsertRowid) - KEPT)
    },
    /** Newest first. */
    byApp: (appId: string) => byApp.all(appId, MOST_LISTED).map(fromRow),
    all: () => all.all(MOST_LISTED).map(fromRow),
    find(id: string): PlatformEvent | undefined {
      const row = byId.get(id)
      return row && fromRow(row)
    },
  }
}
