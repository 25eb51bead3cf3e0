import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Account } from './account.ts'

/** view = read · deploy = git push and builds · operate = everything that changes how it runs, config included · manage = all of it. */
export const PERMISSIONS = ['view', 'deploy', 'operate', 'manage'] as const
export type Permission = (typeof PERMISSIONS)[number]
const DEFAULT: readonly Permission[] = ['view', 'deploy', 'operate']

export type Collaborator = {
  readonly id: string
  readonly user: { readonly id: string; readonly email: string }
  readonly permissions: readonly Permission[]
  readonly createdAt: Date
  readonly updatedAt: Date
}
type Row = { id: string; account_id: string; email: string; permissions: string; created_at: string; updated_at: string }

const fromRow = (r: Row): Collaborator => ({
  id: r.id,
  user: { id: r.account_id, email: r.email },
  permissions: JSON.parse(r.permissions) as Permission[],
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

type Deps = { db: Db; clock: Clock; ids: Ids; findAccount: (emailOrId: string) => Account | undefined }

/** Who may work on an app besides its owner and admins. */
export function collaborators({ db, clock, ids, findAccount }: Deps) {
  const JOINED = 'SELECT c.*, a.email FROM collaborators c JOIN accounts a ON a.id = c.account_id'
  const ofApp = db.prepare<[string], Row>(`${JOINED} WHERE c.app_id = ? ORDER BY c.created_at, c.id`)
  const one = db.prepare<[string, string], Row>(`${JOINED} WHERE c.app_id = ? AND c.account_id = ?`)
  const upsert = db.prepare(`
    INSERT INTO collaborators ( id,  app_id,  account_id,  permissions,  created_at, updated_at)
    VALUES                    (@id, @app_id, @account_id, @permissions, @at,        @at)
    ON CONFLICT (app_id, account_id) DO UPDATE SET permissions = @permissions, updated_at = @at`)
  const remove = db.prepare('DELETE FROM collaborators WHERE app_id = ? AND account_id = ?')
  const isOwner = (account: Account, app: App) => account.admin || app.owner.id === account.id

  const owner = (app: App): Collaborator => ({
    id: app.id,
    user: app.owner,
    permissions: PERMISSIONS,
    createdAt: app.createdAt,
    updatedAt: app.createdAt,
  })
  const list = (app: App): Collaborator[] => [
    owner(app),
    ...ofApp
      .all(app.id)
      .map(fromRow)
      .filter(({ user }) => user.id !== app.owner.id),
  ]

  function find(app: App, emailOrId: string): Collaborator {
    const wanted = emailOrId.toLowerCase()
    const found = list(app).find(({ id, user }) => id === wanted || user.id === wanted || user.email.toLowerCase() === wanted)
    if (!found) throw notFound('collaborator')
    return found
  }

  function permissions(account: Account, app: App): readonly Permission[] {
    if (isOwner(account, app)) return PERMISSIONS
    const row = one.get(app.id, account.id)
    if (!row) return []
    const given = fromRow(row).permissions
    return given.includes('manage') ? PERMISSIONS : [...new Set<Permission>(['view', ...given])]
  }

  return {
    /** The owner first. */
    list,
    find,
    /** What an account may do with an app; [] = not even see it. */
    permissions,
    /** One of `needed` will do. Throws forbidden; for who may not even see the app, apps.find has answered already. */
    check(account: Account, app: App, ...needed: [Permission, ...Permission[]]): void {
      if (needed.some((one) => permissions(account, app).includes(one))) return
      throw new AppError(
        'forbidden',
        `You do not have the permission "${needed.join('" or "')}" on ${app.name}: its owner can give it with \`dozen access:add\`.`,
      )
    },
    /** Adds, or changes what an earlier one may do. */
    add(app: App, user: string, wanted: unknown = DEFAULT): Collaborator {
      if (!Array.isArray(wanted) || !wanted.every((name) => PERMISSIONS.includes(name as Permission)))
        throw invalid(`permissions should be a list of: ${PERMISSIONS.join(', ')}.`)
      const account = findAccount(user)
      if (!account) throw notFound('user')
      if (account.id === app.owner.id) throw invalid(`${account.email} owns ${app.name} already.`)
      upsert.run({
        id: ids.uuid(),
        app_id: app.id,
        account_id: account.id,
        permissions: JSON.stringify(wanted),
        at: clock.now().toISOString(),
      })
      return fromRow(one.get(app.id, account.id)!)
    },
    remove(app: App, emailOrId: string): Collaborator {
      const found = find(app, emailOrId)
      if (found.user.id === app.owner.id) throw invalid(`${found.user.email} owns ${app.name}: transfer the app first.`)
      remove.run(app.id, found.user.id)
      return found
    },
  }
}
export type Collaborators = ReturnType<typeof collaborators>
