import type { Account } from '../../accounts/account.ts'
import { AppError, notFound } from '../../errors.ts'
import { checkAdmin, DELETE, GET, listed, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

/** Accounts: one's own under /account and /users/~, the others for admins. */
export function userRoutes(deps: Deps): Route[] {
  const { accounts } = deps
  /** Who works with somebody may see that they exist (`heroku pipelines:transfer`); what they may do is another question. */
  const named = (call: Call): Account => {
    const wanted = call.params['user']
    const found = wanted === undefined || wanted === '~' ? call.account : accounts.findByEmailOrId(wanted)
    if (!found) throw notFound('user')
    return found
  }
  const own = (call: Call): Account => {
    const found = named(call)
    if (found.id !== call.account.id) checkAdmin(call)
    return found
  }
  const shown = (account: Account) => ({ ...show.account(account), admin: account.admin })
  const update = (call: Call) => {
    const { id } = own(call)
    const { disabled, admin } = call.body
    if (disabled !== undefined || admin !== undefined) {
      checkAdmin(call)
      accounts.allow(id, { disabled, admin })
    }
    return ok(show.account(accounts.update(id, call.body)))
  }
  const remove = (call: Call) => {
    const account = own(call)
    const left = deps.useCases.apps.list(account).filter(({ owner }) => owner.id === account.id)
    const lines = deps.pipelines.list(account, new Set()).filter(({ ownerId }) => ownerId === account.id)
    const names = [...left, ...lines].map(({ name }) => name)
    if (names.length > 0)
      throw new AppError('conflict', `${account.email} owns ${names.join(', ')}: give them to someone else or remove them first.`)
    return ok(show.account(accounts.remove(account.id)))
  }
  const list = (call: Call) => (checkAdmin(call), listed(accounts.list(), { email: (a) => a.email, id: (a) => a.id }, shown))
  const create = (call: Call) => {
    checkAdmin(call)
    const { account, secret } = accounts.create(call.body)
    return ok({ ...show.account(account), access_token: { token: secret } }, 201)
  }
  return [
    GET('/account', 'identity', (call) => ok(show.account(call.account))), // dozen whoami
    PATCH('/account', 'global', update), // curl
    DELETE('/account', 'global', remove), // curl
    GET('/users', 'global', list), // dozen users
    POST('/users', 'global', create), // dozen users:create
    GET('/users/:user', 'identity', (call) => ok(show.account(named(call)))), // heroku pipelines:create, pipelines:transfer
    PATCH('/users/:user', 'global', update), // dozen users:disable, users:enable
    DELETE('/users/:user', 'global', remove), // dozen users:remove
  ]
}
