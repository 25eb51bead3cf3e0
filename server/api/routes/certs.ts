import type { App } from '../../apps/app.ts'
import type { Cert } from '../../certs/certs.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'

export function certRoutes(deps: Deps): Route[] {
  const { certs, domains } = deps.useCases
  const usedFor = (cert: Cert, app: App) => {
    const used = certs.used(app)
    return domains.list(app).flatMap(({ id, hostname }) => (used.get(hostname)?.id === cert.id ? [id] : []))
  }
  const shown = (cert: Cert, app: App) => ({
    id: cert.id,
    name: cert.name,
    display_name: null,
    app: { id: app.id, name: app.name },
    certificate_chain: cert.chain,
    domains: usedFor(cert, app),
    ssl_cert: {
      id: cert.id,
      acm: cert.acmeHost !== null,
      'ca_signed?': !cert.isSelfSigned,
      'self_signed?': cert.isSelfSigned,
      cert_domains: cert.hosts,
      starts_at: cert.startsAt.toISOString(),
      expires_at: cert.expiresAt.toISOString(),
      issuer: cert.issuer,
      subject: cert.subject,
    },
    created_at: cert.createdAt.toISOString(),
    updated_at: cert.updatedAt.toISOString(),
  })
  const named = (call: Call) => call.params['cert']!
  return [
    GET('/apps/:app/sni-endpoints', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(certs.list(app.id), { id: (cert) => cert.id, name: (cert) => cert.name }, (cert) => shown(cert, app))
    }), // dozen certs
    POST('/apps/:app/sni-endpoints', 'write', (call) => {
      const app = appOf(deps, call, 'manage')
      return ok(shown(certs.add(app, call.account, call.body), app), 201)
    }), // dozen certs:add
    GET('/apps/:app/sni-endpoints/:cert', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(shown(certs.find(app, named(call)), app))
    }), // dozen certs:info
    PATCH('/apps/:app/sni-endpoints/:cert', 'write', (call) => {
      const app = appOf(deps, call, 'manage')
      return ok(shown(certs.update(app, call.account, named(call), call.body), app))
    }), // dozen certs:update
    DELETE('/apps/:app/sni-endpoints/:cert', 'write', (call) => {
      const app = appOf(deps, call, 'manage')
      return ok(shown(certs.remove(app, call.account, named(call)), app))
    }), // dozen certs:remove
  ]
}
