import type { App } from '../../apps/app.ts'
import type { Release } from '../../releases/release.ts'
import { invalid, notFound } from '../../errors.ts'
import { appOf, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

export const shownRelease = (
  { useCases, streams }: Pick<Deps, 'useCases' | 'streams'>,
  call: Call,
  app: App,
  release: Release,
) => ({
  ...show.release(release, app, {
    current: useCases.releases.current(app.id)?.version === release.version,
    eligible: useCases.releases.eligibleForRollback(release),
  }),
  output_stream_url: release.source?.processTypes['release'] ? streams.urlOf(call, 'release', app.id, release.id) : null,
})

export function releaseRoutes(deps: Deps): Route[] {
  const { releases, configVars } = deps.useCases
  const shown = (call: Call, app: App, release: Release) => shownRelease(deps, call, app, release)
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
  const ofRelease = (call: Call, { id }: App): Promise<Release> => {
    const wanted = text(call.body, 'release')
    if (wanted === undefined)
      throw invalid('Name the release to roll back to, {"release":"<id or version>"}, or a slug to release, {"slug":"<id>"}.')
    return releases.rollback(id, call.account, wanted === 'previous' ? undefined : releases.find(id, wanted).version)
  }
  /** One that was compiled elsewhere becomes an image first; the current slug is released once more as it is; another one, of any app that the caller may see, with this app's config. */
  const ofSlug = async (call: Call, app: App): Promise<Release> => {
    const { slug, description } = { slug: text(call.body, 'slug')!, description: text(call.body, 'description') }
    const uploaded = deps.slugs.find(app, slug)
    if (uploaded) return deps.slugs.release(uploaded, call.account, description)
    const current = releases.current(app.id)
    if (current && slugOf(current) === slug) return releases.retry(app.id, call.account, description)
    const all = deps.useCases.apps.list(call.account).flatMap(({ id }) => releases.list(id))
    const from = all.findLast((release) => slugOf(release) === slug)
    if (!from) throw notFound('slug')
    return releases.reuse(app.id, call.account, from, description ?? `Deploy ${(from.source!.commit ?? slug).slice(0, 8)}`)
  }
  /** Who only looks sees no config var; who deploys could print them all. */
  const trusted = (call: Call): App => {
    const app = appOf(deps, call)
    deps.collaborators.check(call.account, app, 'deploy', 'operate')
    return app
  }
  const create = async (call: Call) => {
    const app = appOf(deps, call)
    const made = await (call.body['slug'] ? ofSlug(call, app) : ofRelease(call, app))
    return { json: shown(call, app, made), status: 201, headers: warned(app) }
  }
  return [
    GET('/apps/:app/releases', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(releases.list(app.id), { version: (r) => r.version, id: (r) => r.id }, (r) => shown(call, app, r))
    }), // dozen releases
    GET('/apps/:app/releases/:release', 'read', (call) => {
      const { app, release } = found(call)
      return ok({ ...shown(call, app, release), failure: releases.failure(app.id, release.version) ?? null })
    }), // dozen releases:info
    GET('/apps/:app/releases/:release/commits', 'read', async (call) => {
      const { app, release } = found(call)
      if (typeof call.query['since'] !== 'string') throw invalid('Say since which release: ?since=v5.')
      const since = releases.find(app.id, call.query['since'])
      return ok(await deps.history.between(app.id, since.source?.commit ?? null, release.source?.commit ?? null))
    }), // dozen releases:diff
    POST('/apps/:app/releases', 'write', create), // dozen rollback
    GET('/apps/:app/config-vars', 'read-protected', (call) => ok(configVars.current(trusted(call).id))), // dozen config
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
      trusted(call)
      const { app, release } = found(call)
      return ok(configVars.ofRelease(app.id, release.version))
    }), // dozen releases:info
  ]
}

/** A build's image is the slug: it goes by the build's id. */
export const slugOf = ({ id, source }: Release): string | null => (source ? (source.buildId ?? id) : null)

/** A header holds one line of visible ASCII (RFC 9110 §5.5). */
const headerText = (text: string) => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 1000)
