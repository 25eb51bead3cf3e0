import type { Collaborator } from '../../accounts/collaborators.ts'
import type { Key } from '../../accounts/keys.ts'
import type { App } from '../../apps/app.ts'
import { invalid } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
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
  ]
}

/** SSH keys of an account, and how much it may still ask. */
export function keyRoutes(deps: Deps): Route[] {
  const { keys } = deps
  const shown = (call: Call, key: Key) => more.key(key, call.account)
  return [
    GET('/account/keys', 'identity', (call) =>
      listed(keys.list(call.account.id), { id: (k) => k.id, fingerprint: (k) => k.fingerprint }, (k) => shown(call, k)),
    ), // dozen keys
    POST('/account/keys', 'global', (call) => ok(shown(call, keys.add(call.account.id, text(call.body, 'public_key'))), 201)), // dozen keys:add
    GET('/account/keys/:key', 'identity', (call) => ok(shown(call, keys.find(call.account.id, call.params['key']!)))), // dozen keys
    DELETE('/account/keys/:key', 'global', (call) => ok(shown(call, keys.remove(call.account.id, call.params['key']!)))), // dozen keys:remove
    GET('/account/rate-limits', 'identity', (call) => ok({ remaining: deps.rate.remaining(call.account.id) })), // curl
  ]
}
