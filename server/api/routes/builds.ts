import type { App } from '../../apps/app.ts'
import type { Build } from '../../builds/build.ts'
import { invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'
import * as more from '../serialize-more.ts'

const MAX_VERSION = 128

export function buildRoutes(deps: Deps): Route[] {
  const { builds, releases } = deps.useCases
  const shown = (call: Call, app: App, build: Build) => {
    const release = releases.list(app.id).find((one) => one.source?.buildId === build.id)
    return {
      ...show.build(build, app, call.origin, release?.id ?? null),
      output_stream_url: deps.streams.urlOf(call, 'build', app.id, build.id),
    }
  }
  const found = (call: Call, app: App): Build => {
    const id = call.params['build']!
    const stored = builds.list(app.id).find((one) => one.id === id || String(one.number) === id)
    const build = stored ?? deps.jobs.find(app.id, id)
    if (!build) throw notFound('build')
    return build
  }
  const source = (call: Call) => {
    const url = `${call.origin.apiUrl}/sources/${deps.sources.create().secret}`
    return ok({ source_blob: { get_url: url, put_url: url } }, 201)
  }
  const create = (call: Call) => {
    const app = appOf(deps, call, 'deploy')
    const { url, version } = (call.body['source_blob'] ?? {}) as Record<string, unknown>
    const secret = typeof url === 'string' ? /\/sources\/([a-z0-9]{32})$/.exec(url)?.[1] : undefined
    if (!secret)
      throw invalid('source_blob.url should be the get_url of a source: POST /sources makes one, PUT the tar to its put_url.')
    if (version !== undefined && version !== null && (typeof version !== 'string' || version.length > MAX_VERSION))
      throw invalid(`source_blob.version should be a text of at most ${MAX_VERSION} characters.`)
    return ok(
      shown(call, app, deps.jobs.build(app, call.account, { tar: deps.sources.open(secret), version: version ?? '' })),
      201,
    )
  }
  return [
    POST('/sources', 'write', source), // dozen deploy
    POST('/apps/:app/sources', 'write', (call) => (appOf(deps, call, 'deploy'), source(call))), // dozen deploy
    GET('/apps/:app/builds', 'read', (call) => {
      const app = appOf(deps, call)
      return listed(builds.list(app.id), { id: (b) => b.id, started_at: (b) => b.createdAt.toISOString() }, (b) =>
        shown(call, app, b),
      )
    }), // dozen builds
    POST('/apps/:app/builds', 'write', create), // dozen deploy
    GET('/apps/:app/builds/:build', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(shown(call, app, found(call, app)))
    }), // dozen builds:info
    DELETE('/apps/:app/builds/:build', 'write', (call) => {
      const app = appOf(deps, call, 'deploy')
      const build = found(call, app)
      deps.jobs.cancel(build.id)
      return ok(shown(call, app, build))
    }), // dozen builds:cancel
    GET('/apps/:app/slugs/:slug', 'read', (call) => {
      const app = appOf(deps, call)
      const id = call.params['slug']!
      const release = releases.list(app.id).find((one) => one.source && (one.source.buildId ?? one.id) === id)
      if (!release) throw notFound('slug')
      return ok(more.slug(release, app, id))
    }), // heroku apps:diff
  ]
}
