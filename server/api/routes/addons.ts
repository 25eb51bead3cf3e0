import { AppError, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, PUT, type Call, type Deps, type Route } from '../route.ts'

const OWN = 'run the service in a container or elsewhere, and set its address: `dozen config:set DATABASE_URL=…`.'

/** The same words for every plan: there is none. `resource` is what the official CLI looks at. */
const noService = (wanted: unknown) =>
  new AppError('not_found', `There is no add-on service ${JSON.stringify(wanted ?? '')} here, as dozen has none: ${OWN}`, {
    resource: 'addon-service',
  })
const planOf = ({ body }: Call): unknown => {
  const { plan } = body
  return typeof plan === 'object' && plan ? ((plan as Record<string, unknown>)['name'] ?? null) : plan
}

/** The shape of add-ons: lists are empty, what is asked for by name is not found, and making one says what to do instead. */
export function addonRoutes(deps: Deps): Route[] {
  const none = (call: Call) => (call.params['app'] && appOf(deps, call), listed([], { id: () => '' }, () => null))
  const missing = (what: string) => (call: Call) => {
    if (call.params['app']) appOf(deps, call)
    throw notFound(what)
  }
  const addon = missing('add_on')
  const attachment = missing('add_on attachment')
  const create = (call: Call) => {
    appOf(deps, call)
    throw noService(planOf(call))
  }
  const service = (call: Call) => {
    throw noService(call.params['service'])
  }
  return [
    GET('/addons', 'read', none), // heroku addons
    GET('/users/:user/addons', 'read', none), // curl
    GET('/addons/:addon', 'read', addon), // heroku addons:rename
    GET('/addons/:addon/addon-attachments', 'read', addon), // heroku addons:info
    GET('/addons/:addon/config', 'read-protected', addon), // curl
    PATCH('/addons/:addon/config', 'write-protected', addon), // curl
    GET('/addons/:addon/log-drains', 'read', addon), // curl
    PUT('/addons/:addon/log-drains/:drain', 'write', addon), // curl
    POST('/actions/addons/resolve', 'read', addon), // heroku addons:info
    GET('/apps/:app/addons', 'read', none), // heroku apps:info
    POST('/apps/:app/addons', 'write', create), // dozen addons:create
    GET('/apps/:app/addons/:addon', 'read', addon), // heroku addons:wait
    PATCH('/apps/:app/addons/:addon', 'write', addon), // heroku addons:upgrade
    DELETE('/apps/:app/addons/:addon', 'write', addon), // dozen addons:destroy
    GET('/addon-attachments', 'read', none), // heroku addons
    POST('/addon-attachments', 'write', addon), // dozen addons:attach
    GET('/addon-attachments/:attachment', 'read', attachment), // curl
    DELETE('/addon-attachments/:attachment', 'write', attachment), // dozen addons:detach
    POST('/actions/addon-attachments/resolve', 'read', attachment), // heroku pg:psql
    GET('/apps/:app/addon-attachments', 'read', none), // heroku addons
    GET('/apps/:app/addon-attachments/:attachment', 'read', attachment), // heroku addons:detach
    GET('/addon-services', 'identity', () => ok([])), // heroku addons:services
    GET('/addon-services/:service', 'identity', service), // heroku addons:docs
    GET('/addon-services/:service/plans', 'identity', service), // heroku addons:plans
    GET('/addon-services/:service/plans/:plan', 'identity', service), // curl
    GET('/addon-services/:service/region-capabilities', 'identity', service), // curl
    GET('/addon-region-capabilities', 'identity', () => ok([])), // curl
    GET('/regions/:region/addon-region-capabilities', 'identity', () => ok([])), // curl
    GET('/plans/:plan', 'identity', (call) => {
      throw noService(call.params['plan'])
    }), // curl
  ]
}
