import { invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, POST, text, type Call, type Deps, type Route } from '../route.ts'
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
      ok(accounts.tokens(call.account.id).map((token) => shown(token, call, null))),
    ), // dozen tokens
    POST('/oauth/authorizations', 'global', (call) => {
      const { description, scope, expires_in: expiresIn } = call.body
      const { token, secret } = accounts.createToken(call.account.id, { description, scope, expiresIn })
      return ok(shown(token, call, secret), 201)
    }), // dozen tokens:create
    GET('/oauth/authorizations/:id', 'global', (call) => ok(shown(find(call), call, null))), // dozen tokens
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
      })
      const now = deps.clock.now().toISOString()
      return ok({ id, logplex_url: `${call.origin.apiUrl}/logs/${secret}`, created_at: now, updated_at: now }, 201)
    }), // dozen logs
  ]
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
    ...[
      'addons',
      'addon-attachments',
      'collaborators',
      'features',
      'sni-endpoints',
      'log-drains',
      'webhooks',
      'buildpack-installations',
    ].map(
      (noun) => GET(`/apps/:app/${noun}`, 'read', none), // heroku apps:info
    ),
    GET('/apps/:app/pipeline-couplings', 'read', (call) => {
      appOf(deps, call)
      throw notFound('pipeline coupling')
    }), // heroku apps:info: one object, or 404
    GET('/addons', 'read', () => ok([])), // heroku addons
    GET('/addon-attachments', 'read', () => ok([])), // heroku addons
    GET('/pipelines', 'read', () => ok([])), // heroku pipelines
    GET('/account/keys', 'identity', () => ok([])), // heroku keys
    GET('/teams', 'identity', () => ok([])), // heroku teams
    GET('/spaces', 'identity', () => ok([])), // heroku spaces
    GET('/regions', 'identity', () =>
      ok([
        {
          id: '00000000-0000-4000-8000-000000000001',
          name: 'us',
          country: 'Here',
          description: 'This machine',
          locale: 'Here',
          private_capable: false,
          provider: { name: 'dozen', region: 'local' },
          created_at: EPOCH,
          updated_at: EPOCH,
        },
      ]),
    ), // heroku regions
    GET('/stacks', 'identity', () => ok([stack('heroku-22'), stack('container')])), // heroku apps:stacks
  ]
}
