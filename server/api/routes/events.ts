import type { PlatformEvent } from '../../events/store.ts'
import { appOf, checkAdmin, GET, listed, type Deps, type Route } from '../route.ts'

/** dozen's own resource: who changed what. */
const shown = ({ id, appId, resource, action, data, actor, createdAt }: PlatformEvent) => ({
  id,
  app: appId === null ? null : { id: appId },
  resource,
  action,
  description: describe(data),
  data,
  actor,
  created_at: createdAt.toISOString(),
})

const NAMES = ['hostname', 'description', 'name', 'email', 'type', 'id'] as const

/** What a line can show: the name, with what it came to. */
function describe(data: PlatformEvent['data']): string {
  const user = data['user'] as { email?: string } | undefined
  const name = data['version'] !== undefined ? `v${String(data['version'])}` : NAMES.map((key) => data[key]).find((one) => typeof one === 'string')
  const more = [data['version'] !== undefined && data['description'], data['quantity'] !== undefined && `= ${String(data['quantity'])}`, user?.email, data['status'] ?? data['state']]
  return [name, ...more].filter((one) => typeof one === 'string' && one !== '').join(' ')
} // prettier-ignore

export function eventRoutes(deps: Deps): Route[] {
  const keys = { created_at: (event: PlatformEvent) => event.createdAt.toISOString(), id: (event: PlatformEvent) => event.id }
  return [
    GET('/apps/:app/events', 'read', (call) => listed(deps.events.ofApp(appOf(deps, call).id).reverse(), keys, shown)), // dozen events
    GET('/events', 'global', (call) => {
      checkAdmin(call)
      return listed(deps.events.all().reverse(), keys, shown)
    }), // dozen events --all
  ]
}
