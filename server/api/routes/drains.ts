import type { App } from '../../apps/app.ts'
import type { Drain } from '../../drains/store.ts'
import { appOf, DELETE, GET, listed, ok, POST, text, type Call, type Deps, type Route } from '../route.ts'

const shown = ({ id, url, token, createdAt, updatedAt }: Drain, app: App) => ({
  id,
  url,
  token,
  addon: null,
  app: { id: app.id, name: app.name },
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

export function drainRoutes(deps: Deps): Route[] {
  const { drains } = deps.useCases
  const named = (call: Call) => call.params['drain']!
  return [
    GET('/apps/:app/log-drains', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(drains.list(app.id), { id: (drain) => drain.id }, (drain) => shown(drain, app))
    }), // dozen drains
    POST('/apps/:app/log-drains', 'write', async (call) => {
      const app = appOf(deps, call, 'operate')
      return ok(shown(await drains.add(app, call.account, text(call.body, 'url') ?? ''), app), 201)
    }), // dozen drains:add
    GET('/apps/:app/log-drains/:drain', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(shown(drains.find(app, named(call)), app))
    }), // curl
    POST('/apps/:app/log-drains/:drain/actions/test', 'write', async (call) => {
      const app = appOf(deps, call, 'operate')
      const { drain, ms } = await drains.test(app, call.account, named(call))
      return ok({ ...shown(drain, app), ms })
    }), // dozen drains:test
    DELETE('/apps/:app/log-drains/:drain', 'write', (call) => {
      const app = appOf(deps, call, 'operate')
      return ok(shown(drains.remove(app, call.account, named(call)), app))
    }), // dozen drains:remove
  ]
}
