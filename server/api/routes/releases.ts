import type { App } from '../../apps/app.ts'
import type { Release } from '../../releases/release.ts'
import { invalid } from '../../errors.ts'
import { appOf, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

export function releaseRoutes(deps: Deps): Route[] {
  const { releases, configVars } = deps.useCases
  const shown = (app: App, release: Release) =>
    show.release(release, app, {
      current: releases.current(app.id)?.version === release.version,
      eligible: releases.eligibleForRollback(release),
    })
  const found = (call: Call) => {
    const app = appOf(deps, call)
    return { app, release: releases.find(app.id, call.params['release']!) }
  }
  const create = async (call: Call) => {
    const app = appOf(deps, call)
    const wanted = text(call.body, 'release')
    if (wanted === undefined && call.body['slug'] === undefined)
      throw invalid('Name the release to roll back to: {"release":"<id or version>"}.')
    const made =
      wanted === undefined
        ? releases.retry(app.id, call.account, text(call.body, 'description'))
        : await releases.rollback(app.id, call.account, wanted === 'previous' ? undefined : releases.find(app.id, wanted).version)
    return ok(shown(app, made), 201)
  }
  return [
    GET('/apps/:app/releases', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(releases.list(app.id), { version: (r) => r.version, id: (r) => r.id }, (r) => shown(app, r))
    }), // dozen releases
    GET('/apps/:app/releases/:release', 'read', (call) => ok(shown(found(call).app, found(call).release))), // dozen releases:info
    POST('/apps/:app/releases', 'write', create), // dozen rollback
    GET('/apps/:app/config-vars', 'read-protected', (call) => ok(configVars.current(appOf(deps, call).id))), // dozen config
    PATCH('/apps/:app/config-vars', 'write-protected', (call) => {
      const app = appOf(deps, call)
      const release = configVars.update(app, call.account, call.body)
      return { json: configVars.ofRelease(app.id, release.version), headers: { 'Dozen-Release': String(release.version) } }
    }), // dozen config:set
    GET('/apps/:app/releases/:release/config-vars', 'read-protected', (call) => {
      const { app, release } = found(call)
      return ok(configVars.ofRelease(app.id, release.version))
    }), // dozen releases:info
  ]
}
