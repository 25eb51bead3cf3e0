import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import { notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { App } from './app.ts'

type Person = { id: string; email: string }
/** An app that changed hands: at once, as there is no mail to accept it by. */
export type Transfer = {
  readonly id: string
  readonly app: { readonly id: string; readonly name: string }
  readonly owner: Person
  readonly recipient: Person
  readonly createdAt: Date
}
type Row = {
  id: string
  app_id: string
  app_name: string
  owner_id: string
  owner_email: string
  recipient_id: string
  recipient_email: string
  created_at: string
}

const fromRow = (r: Row): Transfer => ({
  id: r.id,
  app: { id: r.app_id, name: r.app_name },
  owner: { id: r.owner_id, email: r.owner_email },
  recipient: { id: r.recipient_id, email: r.recipient_email },
  createdAt: new Date(r.created_at),
})

/** Who gave which app to whom. */
export function transfers({ db, clock, ids }: { db: Db; clock: Clock; ids: Ids }) {
  const all = db.prepare<[string, string], Row>(
    'SELECT * FROM app_transfers WHERE owner_id = ? OR recipient_id = ? ORDER BY created_at, id',
  )
  const insert = db.prepare<Row>(`
    INSERT INTO app_transfers ( id,  app_id,  app_name,  owner_id,  owner_email,  recipient_id,  recipient_email,  created_at)
    VALUES                    (@id, @app_id, @app_name, @owner_id, @owner_email, @recipient_id, @recipient_email, @created_at)`)
  /** Those that an account gave or got, oldest first. */
  const list = (accountId: string): Transfer[] => all.all(accountId, accountId).map(fromRow)

  return {
    list,
    /** By id, or the newest of the app with that name. Throws not_found. */
    find(accountId: string, idOrName: string): Transfer {
      const found = list(accountId).findLast(({ id, app }) => id === idOrName || app.name === idOrName)
      if (!found) throw notFound('app transfer')
      return found
    },
    /** `app` as it was before. */
    record(app: App, recipient: Person): Transfer {
      const row: Row = {
        id: ids.uuid(),
        app_id: app.id,
        app_name: app.name,
        owner_id: app.owner.id,
        owner_email: app.owner.email,
        recipient_id: recipient.id,
        recipient_email: recipient.email,
        created_at: clock.now().toISOString(),
      }
      insert.run(row)
      return fromRow(row)
    },
  }
}
export type Transfers = ReturnType<typeof transfers>
