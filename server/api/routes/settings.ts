import type { Setting } from '../../settings/settings.ts'
import { appOf, GET, ok, PATCH, type Deps, type Route } from '../route.ts'

/** dozen's own resource; values as people write them: "90s", "10m", "100/s". */
const shown = ({ name, value, default: fallback, isOwn, about }: Setting) => ({
  name,
  value,
  default: fallback,
  own: isOwn,
  about,
})

export function settingRoutes(deps: Deps): Route[] {
  const { settings } = deps.useCases
  return [
    GET('/apps/:app/settings', 'read', (call) => ok(settings.list(appOf(deps, call).id).map(shown))), // dozen settings
    PATCH('/apps/:app/settings', 'write', (call) =>
      ok(settings.update(appOf(deps, call, 'operate'), call.account, call.body).map(shown)),
    ), // dozen settings:set
  ]
}
