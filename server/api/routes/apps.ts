import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'
import type { App } from '../../apps/app.ts'

export function appRoutes(deps: Deps): Route[] {
  const { apps, releases } = deps.useCases
  const shown = (app: App, { origin }: Call) => {
    const current = releases.current(app.id)
    return show.app(app, origin, { releasedAt: current?.source ? current.updatedAt : null })
  }
  const list = (call: Call) =>
    listed(apps.list(call.account), { id: (a) => a.id, name: (a) => a.name, updated_at: (a) => a.updatedAt.toISOString() }, (a) =>
      shown(a, call),
    )
  const create = (call: Call) => {
    const stack = text(call.body, 'stack')
    return ok(
      shown(
        apps.create(call.account, {
          name: text(call.body, 'name'),
          stack: stack === 'heroku-24' || stack === 'heroku-20' ? 'heroku-22' : stack,
        }),
        call,
      ),
      201,
    )
  }
  return [
    GET('/apps', 'read', list), // dozen apps
    GET('/users/~/apps', 'read', list), // heroku apps
    POST('/apps', 'write', create), // dozen create
    GET('/apps/:app', 'read', (call) => ok(shown(appOf(deps, call), call))), // dozen info
    PATCH('/apps/:app', 'write', (call) => {
      const {
        name,
        maintenance,
        build_stack: stack,
      } = call.body as { name?: string; maintenance?: boolean; build_stack?: string | { name: string } }
      const changes = { name, maintenance, stack: typeof stack === 'object' && stack ? stack.name : stack }
      const app = appOf(deps, call, name === undefined ? 'operate' : 'manage')
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
      return ok(shown(apps.update(app, given), call))
    }), // dozen apps:rename, maintenance:on, stack:set
    DELETE('/apps/:app', 'write', async (call) => {
      const app = appOf(deps, call, 'manage')
      await apps.destroy(app, call.account)
      return ok(shown(app, call))
    }), // dozen destroy
  ]
}
