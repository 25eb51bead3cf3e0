import type { Db } from '../../db/open.ts'
import type { App } from './app.ts'

type Row = {
  id: string
  name: string
  owner_id: string
  owner_email: string
  stack: string
  stack_name: string | null
  maintenance: number
  created_at: string
  updated_at: string
}

const fromRow = (r: Row): App => ({
  id: r.id,
  name: r.name,
  owner: { id: r.owner_id, email: r.owner_email },
  stack: r.stack_name ?? r.stack,
  maintenance: r.maintenance === 1,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** The first column knows two values only. */
const stackOf = (stack: string) => ({
  stack: stack === 'container' ? stack : 'heroku-22',
  stack_name: stack === 'container' || stack === 'heroku-22' ? null : stack,
})

const JOINED = 'SELECT a.*, u.email AS owner_email FROM apps a JOIN accounts u ON u.id = a.owner_id'

/** All SQL about apps. */
export function appStore(db: Db) {
  const all = db.prepare<[], Row>(`${JOINED} ORDER BY a.created_at, a.name`)
  const byNameOrId = db.prepare<[string, string], Row>(`${JOINED} WHERE a.name = ? OR a.id = ?`)
  const insert = db.prepare(`
    INSERT INTO apps ( id,  name,  owner_id,  stack,  stack_name,  maintenance,  created_at,  updated_at)
    VALUES           (@id, @name, @owner_id, @stack, @stack_name, 0,            @created_at, @created_at)`)
  const update = db.prepare(`
    UPDATE apps SET name = @name, maintenance = @maintenance, stack = @stack, stack_name = @stack_name, updated_at = @updated_at WHERE id = @id`)
  const give = db.prepare('UPDATE apps SET owner_id = ?, updated_at = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM apps WHERE id = ?')
  return {
    list: () => all.all().map(fromRow),
    find(nameOrId: string) {
      const row = byNameOrId.get(nameOrId, nameOrId)
      return row && fromRow(row)
    },
    insert: (app: { id: string; name: string; ownerId: string; stack: App['stack']; at: Date }) =>
      void insert.run({
        id: app.id,
        name: app.name,
        owner_id: app.ownerId,
        ...stackOf(app.stack),
        created_at: app.at.toISOString(),
      }),
    update: (app: Pick<App, 'id' | 'name' | 'maintenance' | 'stack'>, at: Date) =>
      void update.run({
        id: app.id,
        name: app.name,
        maintenance: app.maintenance ? 1 : 0,
        ...stackOf(app.stack),
        updated_at: at.toISOString(),
      }),
    give: (id: string, ownerId: string, at: Date) => void give.run(ownerId, at.toISOString(), id),
    remove: (id: string) => void remove.run(id),
  }
}
