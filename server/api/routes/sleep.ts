import type { Sleep } from '../../sleep/sleep.ts'
import { appOf, DELETE, GET, ok, PUT, type Deps, type Route } from '../route.ts'

/** dozen's own resource; `after` in seconds. */
const shown = ({ isOn, afterMs, asleepAt }: Sleep) => ({
  enabled: isOn,
  after: afterMs / 1000,
  asleep_since: asleepAt?.toISOString() ?? null,
})

export function sleepRoutes(deps: Deps): Route[] {
  const { sleep } = deps.useCases
  return [
    GET('/apps/:app/sleep', 'read', (call) => ok(shown(sleep.find(appOf(deps, call).id)))), // dozen sleep
    PUT('/apps/:app/sleep', 'write', (call) =>
      ok(shown(sleep.on(appOf(deps, call, 'operate'), call.account, call.body['after']))),
    ), // dozen sleep:on
    DELETE('/apps/:app/sleep', 'write', (call) => ok(shown(sleep.off(appOf(deps, call, 'operate'), call.account)))), // dozen sleep:off
  ]
}
