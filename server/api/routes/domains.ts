import type { App } from '../../apps/app.ts'
import type { Domain } from '../../domains/domain.ts'
import { invalid } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

export function domainRoutes(deps: Deps): Route[] {
  const { acme, certs, domains } = deps.useCases
  /** Looks up once what all domains of the app need. */
  const shower = (app: App) => {
    const [used, statusOf, target] = [certs.used(app), acme.statuses(app), domains.list(app)[0]!.hostname]
    return ({ hostname, ...domain }: Domain) =>
      show.domain({ hostname, ...domain }, app, { target, acm: statusOf(hostname), cert: used.get(hostname) })
  }
  const shown = (app: App, domain: Domain) => shower(app)(domain)
  const named = (call: Call) => call.params['domain']!
  const create = (call: Call) => {
    const app = appOf(deps, call)
    const wanted = certOf(call.body['sni_endpoint'])
    if (wanted) certs.find(app, wanted)
    const made = domains.add(app, call.account, text(call.body, 'hostname') ?? '')
    return wanted ? update(call, app, made) : ok(shown(app, made), 201)
  }
  /** `sni_endpoint`: a certificate's name or id, null = whichever covers it; `enabled`: the default one's. */
  const update = (call: Call, app: App, domain: Domain) => {
    const { enabled, sni_endpoint: given } = call.body
    if (enabled !== undefined && typeof enabled !== 'boolean') throw invalid('enabled should be true or false.')
    const wanted = certOf(given)
    const certId = wanted ? certs.findFor(app, domain.hostname, wanted).id : wanted
    const changes = { ...(certId !== undefined && { certId }), ...(enabled !== undefined && { isOn: enabled }) }
    return ok(shown(app, domains.update(app, call.account, domain.id, changes)), call.params['domain'] ? 200 : 201)
  }
  return [
    GET('/apps/:app/domains', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(domains.list(app), { id: (d) => d.id, hostname: (d) => d.hostname }, shower(app))
    }), // dozen domains
    POST('/apps/:app/domains', 'write', create), // dozen domains:add
    GET('/apps/:app/domains/:domain', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(shown(app, domains.find(app, named(call))))
    }), // dozen domains:info
    PATCH('/apps/:app/domains/:domain', 'write', (call) => {
      const app = appOf(deps, call)
      return update(call, app, domains.find(app, named(call)))
    }), // dozen domains:update, domains:default
    DELETE('/apps/:app/domains/:domain', 'write', (call) => {
      const app = appOf(deps, call)
      return ok(shown(app, domains.remove(app, call.account, named(call))))
    }), // dozen domains:remove
  ]
}

/** "name", {"name":…}, {"id":…}, null = none, undefined = not said. */
function certOf(given: unknown): string | null | undefined {
  if (given === undefined || given === null) return given
  const { name, id } = (typeof given === 'object' ? given : { name: given }) as { name?: unknown; id?: unknown }
  const wanted = name ?? id
  if (typeof wanted === 'string' && wanted !== '') return wanted
  throw invalid('sni_endpoint should be the name of a certificate, or null.')
}
