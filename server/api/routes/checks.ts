import type { Check } from '../../manifest/check.ts'
import { appOf, DELETE, GET, ok, PUT, type Call, type Deps, type Route } from '../route.ts'

/** dozen's own resource; times in seconds. */
const shown = (type: string, { path, intervalMs, timeoutMs, failures }: Check) => ({
  type,
  path,
  interval: intervalMs / 1000,
  timeout: timeoutMs / 1000,
  failures,
})

export function checkRoutes(deps: Deps): Route[] {
  const { checks, releases } = deps.useCases
  const typeOf = (call: Call) => call.params['type']!
  return [
    GET('/apps/:app/checks', 'read', (call) => {
      const { id } = appOf(deps, call)
      const declared = releases.current(id)?.source?.manifest?.checks
      return ok(checks.list(id, declared).map(({ type, check }) => shown(type, check)))
    }), // dozen checks
    PUT('/apps/:app/checks/:type', 'write', (call) => {
      const app = appOf(deps, call, 'operate')
      const input = call.body as Parameters<typeof checks.set>[3]
      return ok(shown(typeOf(call), checks.set(app, call.account, typeOf(call), input)))
    }), // dozen checks:set
    DELETE('/apps/:app/checks/:type', 'write', (call) => {
      checks.unset(appOf(deps, call, 'operate'), call.account, typeOf(call))
      return ok({ type: typeOf(call) })
    }), // dozen checks:unset
  ]
}
