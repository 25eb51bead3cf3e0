import { invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

const EPOCH = '2026-01-01T00:00:00Z'

export function accountRoutes({ accounts, clock }: Deps): Route[] {
  const shown = (token: Parameters<typeof show.authorization>[0], call: Call, secret: string | null) =>
    show.authorization(token, call.account, clock.now(), secret)
  const find = (call: Call) => {
    const wanted = call.params['id'] === '~' ? call.caller.token.id : call.params['id']
    const token = accounts.tokens(call.account.id).find((one) => one.id === wanted)
    if (!token) throw notFound('authorization')
    return token
  }
  return [
    GET('/account', 'identity', (call) => ok(show.account(call.account))), // dozen whoami
    GET('/users/~', 'identity', (call) => ok(show.account(call.account))), // heroku pipelines:create
    GET('/oauth/authorizations', 'global', (call) =>
      listed(accounts.tokens(call.account.id), { id: (t) => t.id, created_at: (t) => t.createdAt.toISOString() }, (token) =>
        shown(token, call, null),
      ),
    ), // dozen tokens
    POST('/oauth/authorizations', 'global', (call) => {
      const { description, scope, expires_in: expiresIn } = call.body
      const { token, secret } = accounts.createToken(call.account.id, { description, scope, expiresIn })
      return ok(shown(token, call, secret), 201)
    }), // dozen tokens:create
    GET('/oauth/authorizations/:id', 'global', (call) => ok(shown(find(call), call, null))), // dozen tokens
    PATCH('/oauth/authorizations/:id', 'global', (call) =>
      ok(shown(accounts.updateToken(call.account.id, find(call).id, call.body['description']), call, null)),
    ), // heroku authorizations:update
    POST('/oauth/authorizations/:id/actions/regenerate-tokens', 'global', (call) => {
      const { token, secret } = accounts.rotateToken(call.account.id, find(call).id)
      return ok(shown(token, call, secret))
    }), // heroku authorizations:rotate
    DELETE('/oauth/authorizations/:id', 'global', (call) =>
      ok(shown(accounts.revokeToken(call.account.id, find(call).id), call, null)),
    ), // dozen tokens:revoke
    DELETE('/oauth/sessions/~', 'identity', () => {
      throw notFound('session')
    }), // heroku logout
  ]
}

export function logRoutes(deps: Deps): Route[] {
  return [
    POST('/apps/:app/log-sessions', 'read', (call) => {
      const app = appOf(deps, call)
      const { lines = 100, tail, release } = call.body
      if (typeof lines !== 'number' || !Number.isInteger(lines) || lines < 0 || lines > 100_000)
        throw invalid('lines should be a number from 0 to 100,000.')
      const { id, secret } = deps.logSessions.create(app.id, {
        lines,
        tail: tail === true,
        source: text(call.body, 'source'),
        dyno: text(call.body, 'dyno'),
        type: text(call.body, 'type'),
        ...(typeof release === 'number' && { release }),
        ...readFilters(call.body),
      })
      const now = deps.clock.now().toISOString()
      return ok({ id, logplex_url: `${call.origin.apiUrl}/logs/${secret}`, created_at: now, updated_at: now }, 201)
    }), // dozen logs
  ]
}

/** Ours, beyond Heroku's: since and until (RFC 3339), grep, level, json. */
function readFilters(body: Record<string, unknown>) {
  const date = (name: string) => {
    const value = text(body, name)
    const at = value === undefined ? undefined : new Date(value)
    if (at && Number.isNaN(at.getTime())) throw invalid(`${name} should be a time such as 2026-01-31T12:00:00Z.`)
    return at
  }
  return {
    since: date('since'),
    until: date('until'),
    grep: text(body, 'grep'),
    level: text(body, 'level'),
    json: body['json'] === true,
  }
}

export function domainRoutes(deps: Deps): Route[] {
  const { domains } = deps.useCases
  const target = (call: Call) => domains.list(appOf(deps, call))[0]!.hostname
  const shown = (call: Call, domain: ReturnType<typeof domains.find>) => show.domain(domain, appOf(deps, call), target(call))
  return [
    GET('/apps/:app/domains', 'read', (call) =>
      listed(domains.list(appOf(deps, call)), { id: (d) => d.id, hostname: (d) => d.hostname }, (d) => shown(call, d)),
    ), // dozen domains
    POST('/apps/:app/domains', 'write', (call) =>
      ok(shown(call, domains.add(appOf(deps, call), call.account, text(call.body, 'hostname') ?? '')), 201),
    ), // dozen domains:add
    GET('/apps/:app/domains/:domain', 'read', (call) => ok(shown(call, domains.find(appOf(deps, call), call.params['domain']!)))), // dozen domains
    DELETE('/apps/:app/domains/:domain', 'write', (call) =>
      ok(shown(call, domains.remove(appOf(deps, call), call.account, call.params['domain']!))),
    ), // dozen domains:remove
  ]
}

const region = {
  ...show.FIXED.region,
  country: 'Here',
  description: 'This machine',
  locale: 'Here',
  private_capable: false,
  provider: { name: 'dozen', region: 'us-east-1' },
  created_at: EPOCH,
  updated_at: EPOCH,
}
const size = {
  ...show.FIXED.size,
  architecture: 'x86_64',
  compute: 1,
  cost: { cents: 0, unit: 'month' },
  dedicated: false,
  precise_dyno_units: 0,
  generation: show.FIXED.generation,
  memory: 0.5,
  private_space_only: false,
}

/** Small answers that the stock CLI asks for on its way to something else. */
export function fixedRoutes(deps: Deps): Route[] {
  const none = (call: Call) => {
    appOf(deps, call)
    return ok([])
  }
  const stack = (name: keyof typeof show.STACK_IDS) => ({
    id: show.STACK_IDS[name],
    name,
    state: 'public',
    default: name === 'heroku-22',
    created_at: EPOCH,
    updated_at: EPOCH,
  })
  return [
    ...['addons', 'addon-attachments', 'features', 'webhooks'].map(
      (noun) => GET(`/apps/:app/${noun}`, 'read', none), // heroku apps:info
    ),
    GET('/addons', 'read', () => ok([])), // heroku addons
    GET('/addon-attachments', 'read', () => ok([])), // heroku addons
    GET('/account/features', 'identity', () => ok([])), // heroku labs
    GET('/addon-services', 'identity', () => ok([])), // heroku addons:services
    GET('/oauth/sessions', 'identity', () => ok([])), // heroku sessions
    GET('/dyno-sizes', 'identity', () => ok([size])), // heroku ps:type
    GET('/dyno-sizes/:size', 'identity', (call) => {
      if (![size.id, size.name].includes(call.params['size']!)) throw notFound('dyno size')
      return ok(size)
    }), // curl
    GET('/apps/:app/formation/:type/dyno-sizes', 'read', (call) => (appOf(deps, call), ok([size]))), // curl
    GET('/teams', 'identity', () => ok([])), // heroku teams
    GET('/spaces', 'identity', () => ok([])), // heroku spaces
    GET('/regions', 'identity', () => ok([region])), // heroku regions
    GET('/regions/:region', 'identity', (call) => {
      if (![region.id, region.name].includes(call.params['region']!)) throw notFound('region')
      return ok(region)
    }), // curl
    GET('/stacks/:stack', 'identity', (call) => {
      const found = [stack('heroku-22'), stack('container')].find(({ id, name }) =>
        ([id, name] as string[]).includes(call.params['stack']!),
      )
      if (!found) throw notFound('stack')
      return ok(found)
    }), // curl
    GET('/stacks', 'identity', () => ok([stack('heroku-22'), stack('container')])), // heroku apps:stacks
  ]
}
