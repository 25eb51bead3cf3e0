import type { App } from '../../apps/app.ts'
import type { Release } from '../../releases/release.ts'
import { invalid } from '../../errors.ts'
import { appOf, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

export function releaseRoutes(deps: Deps): Route[] {
  const { releases, configVars } = deps.useCases
  const shown = (call: Pick<Call, 'origin'>, app: App, release: Release) => ({
    ...show.release(release, app, {
      current: releases.current(app.id)?.version === release.version,
      eligible: releases.eligibleForRollback(release),
    }),
    output_stream_url: release.source?.processTypes['release'] ? deps.streams.urlOf(call, 'release', app.id, release.id) : null,
  })
  /** Tells who comes next that the platform went back by itself. */
  const warned = (app: App, headers: Record<string, string> = {}) => {
    const newest = releases.current(app.id)
    if (newest?.cause !== 'automatic_rollback') return headers
    return { ...headers, 'X-Heroku-Warning': headerText(`v${newest.version}: ${newest.description}`) }
  }
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
    return { json: shown(call, app, made), status: 201, headers: warned(app) }
  }
  return [
    GET('/apps/:app/releases', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(releases.list(app.id), { version: (r) => r.version, id: (r) => r.id }, (r) => shown(call, app, r))
    }), // dozen releases
    GET('/apps/:app/releases/:release', 'read', (call) => ok(shown(call, found(call).app, found(call).release))), // dozen releases:info
    POST('/apps/:app/releases', 'write', create), // dozen rollback
    GET('/apps/:app/config-vars', 'read-protected', (call) => ok(configVars.current(appOf(deps, call).id))), // dozen config
    PATCH('/apps/:app/config-vars', 'write-protected', (call) => {
      const app = appOf(deps, call)
      const headers = warned(app)
      const release = configVars.update(app, call.account, call.body)
      return {
        json: configVars.ofRelease(app.id, release.version),
        headers: { ...headers, 'Dozen-Release': String(release.version) },
      }
    }), // dozen config:set
    GET('/apps/:app/releases/:release/config-vars', 'read-protected', (call) => {
      const { app, release } = found(call)
      return ok(configVars.ofRelease(app.id, release.version))
    }), // dozen releases:info
  ]
}

/** A header holds one line of visible ASCII (RFC 9110 §5.5). */
const headerText = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 1000)
