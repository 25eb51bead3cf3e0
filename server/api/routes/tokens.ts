import { invalid, notFound } from '../../errors.ts'
import { isLevel } from '../../logs/structured.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

const SOURCES = ['app', 'dozen', 'heroku']
const MAX_FILTER_LENGTH = 1_000

export function tokenRoutes({ accounts, clock }: Deps): Route[] {
  const shown = (token: Parameters<typeof show.authorization>[0], call: Call, secret: string | null) =>
    show.authorization(token, call.account, clock.now(), secret)
  const find = (call: Call) => {
    const wanted = call.params['id'] === '~' ? call.caller.token.id : call.params['id']
    const token = accounts.tokens(call.account.id).find((one) => one.id === wanted)
    if (!token) throw notFound('authorization')
    return token
  }
  return [
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
    GET('/oauth/sessions', 'identity', () => ok([])), // heroku sessions
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
        source: sourceOf(call.body),
        dyno: text(call.body, 'dyno') ?? text(call.body, 'dyno_name'),
        type: text(call.body, 'type'),
        ...(typeof release === 'number' && { release }),
        ...readFilters(call.body),
      })
      const now = deps.clock.now().toISOString()
      return ok({ id, logplex_url: `${call.origin.apiUrl}/logs/${secret}`, created_at: now, updated_at: now }, 201)
    }), // dozen logs
  ]
}

function sourceOf(body: Record<string, unknown>): string | undefined {
  const source = text(body, 'source')
  if (source !== undefined && !SOURCES.includes(source)) throw invalid('source should be app or dozen (heroku means the same).')
  return source
}

/** Ours, beyond Heroku's: since and until (RFC 3339), grep, request, level, json. */
function readFilters(body: Record<string, unknown>) {
  const date = (name: string) => {
    const value = text(body, name)
    const at = value === undefined ? undefined : new Date(value)
    if (at && Number.isNaN(at.getTime())) throw invalid(`${name} should be a time such as 2026-01-31T12:00:00Z.`)
    return at
  }
  const short = (name: string) => {
    const value = text(body, name)
    if (value && value.length > MAX_FILTER_LENGTH) throw invalid(`${name} should have at most ${MAX_FILTER_LENGTH} characters.`)
    return value
  }
  const level = text(body, 'level')
  if (level !== undefined && !isLevel(level)) throw invalid('level should be fatal, error, warn, info, debug or trace.')
  return {
    since: date('since'),
    until: date('until'),
    grep: short('grep'),
    request: short('request'),
    level,
    json: body['json'] === true,
  }
}
