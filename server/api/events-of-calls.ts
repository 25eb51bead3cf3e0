import type { App } from '../apps/app.ts'
import type { PlatformEvent } from '../events/store.ts'
import type { Call, Route } from './route.ts'

const ACTIONS = { post: 'create', patch: 'update', put: 'update', delete: 'destroy' } as const
/** Resources that webhooks tell as the API shows them; of others only these fields are kept, none of which is secret. */
const SHOWN = new Set(['app', 'collaborator', 'domain', 'dyno', 'formation', 'sni-endpoint'])
const NAMES = ['id', 'name', 'type', 'email', 'description', 'schedule', 'command', 'path', 'level', 'include', 'status']
/** Told by those who make them, since a push and a config change make them too. */
const TOLD_ELSEWHERE = new Set(['release', 'build', 'config-var'])
/** They change nothing that anybody would ask about. */
const QUIET = new Set([
  'post /apps/:app/log-sessions',
  'post /sources',
  'post /apps/:app/sources',
  'post /filters/apps',
  'patch /apps/:app/dynos/:dyno',
  'delete /oauth/sessions/~',
])
const IRREGULAR: Readonly<Record<string, string>> = { cron: 'job' }

/** "/apps/:app/domains/:domain" → "domain": the last word of the path that is no parameter. */
export function resourceOf(path: string): string {
  const words = path.split('/').filter((word) => word !== '' && !word.startsWith(':'))
  const noun = words.includes('actions') ? words[words.indexOf('actions') - 1]! : words.at(-1)!
  return IRREGULAR[noun] ?? noun.replace(/(?<!s)s$/, '')
}

/** What a successful call changed; [] for one that only asked, or that is told elsewhere. `app` is the one of its path, if any. */
export function eventsOf(route: Pick<Route, 'method' | 'path'>, call: Call, json: unknown, app: App | undefined): Omit<PlatformEvent, 'id' | 'createdAt'>[] {
  const resource = resourceOf(route.path)
  if (route.method === 'get' || QUIET.has(`${route.method} ${route.path}`) || TOLD_ELSEWHERE.has(resource)) return []
  const isRestart = route.method === 'delete' && (resource === 'dyno' || resource === 'formation')
  const action = isRestart || route.path.includes('/actions/') ? 'update' : ACTIONS[route.method]
  const all = (Array.isArray(json) ? json : [json]) as unknown[]
  const appId = app?.id ?? (resource === 'app' ? ((json as { id?: string } | null)?.id ?? null) : null)
  const { id, email } = call.account
  return all.map((one) => ({ appId, resource, action, data: dataOf(resource, one, call.params), actor: { id, email } }))
} // prettier-ignore

function dataOf(resource: string, json: unknown, params: Call['params']): Record<string, unknown> {
  const whole = { ...(json as Record<string, unknown> | null) }
  if (SHOWN.has(resource) && 'id' in whole) return { ...whole, ...('attach_url' in whole && { attach_url: null }) }
  const { app: _, ...named } = params
  return { ...named, ...Object.fromEntries(Object.entries(whole).filter(([key]) => NAMES.includes(key))) }
}
