import type { Limits } from '../../limits/limits.ts'
import { appOf, DELETE, GET, ok, PUT, type Deps, type Route } from '../route.ts'

/** dozen's own resource; memory in bytes, cpus null = all cores. */
const shown = (type: string, { memoryBytes, cpus, pids }: Limits, isOwn: boolean) => ({
  type,
  memory: memoryBytes,
  cpus,
  pids,
  default: !isOwn,
})

export function limitRoutes(deps: Deps): Route[] {
  const { limits } = deps.useCases
  return [
    GET('/apps/:app/limits', 'read', (call) =>
      ok(limits.list(appOf(deps, call)).map((one) => shown(one.type, one.limits, one.isOwn))),
    ), // dozen limits
    PUT('/apps/:app/limits/:type', 'write', (call) => {
      const type = call.params['type']!
      return ok(shown(type, limits.set(appOf(deps, call, 'operate'), call.account, type, call.body), true))
    }), // dozen limits:set
    DELETE('/apps/:app/limits/:type', 'write', (call) => {
      const type = call.params['type']!
      return ok(shown(type, limits.unset(appOf(deps, call, 'operate'), call.account, type), false))
    }), // dozen limits:unset
  ]
}
