import type { App } from '../../apps/app.ts'
import { invalid } from '../../errors.ts'
import { appOf, DELETE, GET, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

/** Heroku's /apps/:app/acm, and what `dozen doctor` asks. */
export function acmeRoutes(deps: Deps): Route[] {
  const { acme, apps, domains } = deps.useCases
  const changed = (call: Call, change: (app: App) => void, status = 200) => {
    const app = appOf(deps, call, 'manage')
    change(app)
    return ok(show.app(app, call.origin, { acm: acme.isOn(app) }), status)
  }
  /** Names of the caller's apps whose certificate is not to be had. */
  const failing = ({ account }: Call) =>
    apps.list(account).flatMap((app) => {
      const statusOf = acme.statuses(app)
      return domains.list(app).flatMap(({ hostname }) => {
        const { status, reason, nextAt } = statusOf(hostname)
        const next_at = nextAt?.toISOString() ?? null
        return status === 'failing' || status === 'failed'
          ? [{ app: { id: app.id, name: app.name }, hostname, reason, next_at }]
          : []
      })
    })
  return [
    POST('/apps/:app/acm', 'write', (call) => changed(call, (app) => acme.enable(app, call.account), 201)), // dozen certs:auto:enable
    PATCH('/apps/:app/acm', 'write', (call) =>
      changed(call, (app) => {
        if (call.body['acm_refresh'] !== true) throw invalid('acm_refresh should be true.')
        acme.refresh(app)
      }),
    ), // dozen certs:auto:refresh
    DELETE('/apps/:app/acm', 'write', (call) => changed(call, (app) => acme.disable(app, call.account))), // dozen certs:auto:disable
    GET('/failing-certificates', 'read', (call) => ok(failing(call))), // dozen doctor
  ]
}
