import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import { invalid, notFound } from '../../errors.ts'
import * as show from '../serialize.ts'
import type { App } from '../../apps/app.ts'

export function appRoutes(deps: Deps): Route[] {
  const { acme, apps, domains, releases } = deps.useCases
  /** A name of the user's own, where the one that comes with the app is off. */
  const addressOf = (app: App) => {
    const [first, ...own] = domains.list(app)
    return first!.isOn ? undefined : own.find(({ hostname }) => !hostname.startsWith('*'))?.hostname
  }
  const shown = (app: App, { origin }: Call) => {
    const current = releases.current(app.id)
    return show.app(app, origin, {
      releasedAt: current?.source ? current.updatedAt : null,
      acm: acme.isOn(app),
      hostname: addressOf(app),
    })
  }
  const list = (call: Call) =>
    listed(apps.list(call.account), { id: (a) => a.id, name: (a) => a.name, updated_at: (a) => a.updatedAt.toISOString() }, (a) =>
      shown(a, call),
    )
  const create = (call: Call) => {
    checkPlace(call.body)
    return ok(
      shown(
        apps.create(call.account, {
          name: text(call.body, 'name'),
          stack: text(call.body, 'stack'),
        }),
        call,
      ),
      201,
    )
  }
  return [
    GET('/apps', 'read', list), // dozen apps
    GET('/users/:user/apps', 'read', (call) => {
      const user = call.params['user']!
      if (![call.account.id, call.account.email, '~'].includes(user)) throw notFound('user')
      return list(call)
    }), // heroku apps
    POST('/teams/apps', 'write', create), // heroku create --team, --space
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
      const last = shown(app, call)
      await apps.destroy(app, call.account)
      return ok(last)
    }), // dozen destroy
  ]
}

/** One region, no teams, no spaces: what asks for another place is told so. */
function checkPlace(body: Record<string, unknown>) {
  for (const what of ['team', 'organization', 'space'])
    if (body[what] !== undefined && body[what] !== null)
      throw invalid(
        `There are no ${what}s here: apps belong to people. Leave --${what} away, and \`dozen access:add\` lets others in.`,
      )
  const { id, name } = show.FIXED.region
  const region = typeof body['region'] === 'object' && body['region'] ? Object.values(body['region'])[0] : body['region']
  if (region !== undefined && region !== null && region !== id && region !== name)
    throw invalid(`There is no region ${JSON.stringify(region)}: this dozen has one, ${name}, which is the machine it runs on.`)
}
