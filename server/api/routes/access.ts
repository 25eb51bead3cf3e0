import type { Collaborator } from '../../accounts/collaborators.ts'
import type { Key } from '../../accounts/keys.ts'
import type { App } from '../../apps/app.ts'
import { invalid, notFound } from '../../errors.ts'
import {
  appNamed,
  appOf,
  checkAdmin,
  DELETE,
  GET,
  listed,
  ok,
  PATCH,
  POST,
  text,
  type Call,
  type Deps,
  type Route,
} from '../route.ts'
import * as show from '../serialize.ts'
import * as more from '../serialize-more.ts'

export function accessRoutes(deps: Deps): Route[] {
  const { collaborators } = deps
  const shown = (app: App, one: Collaborator) => more.collaborator(one, app)
  const userOf = (call: Call): string => {
    const { user } = call.body
    const wanted =
      typeof user === 'object' && user
        ? ((user as Record<string, unknown>)['email'] ?? (user as Record<string, unknown>)['id'])
        : user
    if (typeof wanted !== 'string') throw invalid('Name a user by e-mail: {"user":"bob@example.com"}.')
    return wanted
  }
  const add = (call: Call) => {
    const app = appOf(deps, call, 'manage')
    return ok(shown(app, collaborators.add(app, userOf(call), call.body['permissions'] ?? undefined)), 201)
  }
  const remove = (call: Call) => {
    const app = appOf(deps, call)
    const leaves = collaborators.find(app, call.params['collaborator']!).user.id === call.account.id
    return ok(shown(app, collaborators.remove(leaves ? app : appOf(deps, call, 'manage'), call.params['collaborator']!)))
  }
  return [
    GET('/apps/:app/collaborators', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(collaborators.list(app), { email: (c) => c.user.email, id: (c) => c.id }, (c) => shown(app, c))
    }), // dozen access
    POST('/apps/:app/collaborators', 'write', add), // dozen access:add
    GET('/apps/:app/collaborators/:collaborator', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(shown(app, collaborators.find(app, call.params['collaborator']!)))
    }), // dozen access
    PATCH('/apps/:app/collaborators/:collaborator', 'write', (call) => {
      const app = appOf(deps, call, 'manage')
      const { user } = collaborators.find(app, call.params['collaborator']!)
      return ok(shown(app, collaborators.add(app, user.id, call.body['permissions'])))
    }), // heroku access:update
    DELETE('/apps/:app/collaborators/:collaborator', 'write', remove), // dozen access:remove
    POST('/account/app-transfers', 'write', (call) => transfer(deps, call)), // dozen apps:transfer
  ]
}

/** At once: there is no mail to accept it by. */
function transfer(deps: Deps, call: Call) {
  const nameOf = (value: unknown, ...fields: string[]) => {
    const found =
      typeof value === 'object' && value ? fields.map((field) => (value as Record<string, unknown>)[field]).find(Boolean) : value
    if (typeof found !== 'string') throw invalid('A transfer needs {"app":"shop","recipient":"bob@example.com"}.')
    return found
  }
  const app = appNamed(deps, call, nameOf(call.body['app'], 'id', 'name'), 'manage')
  const recipient = deps.accounts.findByEmailOrId(nameOf(call.body['recipient'], 'email', 'id'))
  if (!recipient) throw notFound('user')
  const now = deps.clock.now().toISOString()
  const owned = deps.useCases.apps.transfer(app, call.account, recipient)
  return ok(
    {
      id: app.id,
      app: { id: app.id, name: app.name },
      owner: app.owner,
      recipient: owned.owner,
      state: 'accepted',
      created_at: now,
      updated_at: now,
    },
    201,
  )
}

export function peopleRoutes(deps: Deps): Route[] {
  const { accounts, keys } = deps
  const shown = (call: Call, key: Key) => more.key(key, call.account)
  return [
    GET('/users', 'global', (call) => {
      checkAdmin(call)
      return listed(accounts.list(), { email: (a) => a.email, id: (a) => a.id }, show.account)
    }), // dozen users
    POST('/users', 'global', (call) => {
      checkAdmin(call)
      const { account, secret } = accounts.create(call.body)
      return ok({ ...show.account(account), access_token: { token: secret } }, 201)
    }), // dozen users:create
    GET('/account/keys', 'identity', (call) =>
      listed(keys.list(call.account.id), { id: (k) => k.id, fingerprint: (k) => k.fingerprint }, (k) => shown(call, k)),
    ), // dozen keys
    POST('/account/keys', 'global', (call) => ok(shown(call, keys.add(call.account.id, text(call.body, 'public_key'))), 201)), // dozen keys:add
    GET('/account/keys/:key', 'identity', (call) => ok(shown(call, keys.find(call.account.id, call.params['key']!)))), // dozen keys
    DELETE('/account/keys/:key', 'global', (call) => ok(shown(call, keys.remove(call.account.id, call.params['key']!)))), // dozen keys:remove
    GET('/account/rate-limits', 'identity', (call) => ok({ remaining: deps.rate.remaining(call.account.id) })), // curl
  ]
}
