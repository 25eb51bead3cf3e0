import type { App } from '../../apps/app.ts'
import type { Build } from '../../builds/build.ts'
import { parseImage } from '../../builds/image-source.ts'
import { invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'
import { slugOf } from './releases.ts'
import * as more from '../serialize-more.ts'

const MAX_VERSION = 128

export const shownBuild = ({ useCases, streams }: Pick<Deps, 'useCases' | 'streams'>, call: Call, app: App, build: Build) => {
  const release = useCases.releases.list(app.id).find((one) => one.source?.buildId === build.id)
  return {
    ...show.build(build, app, call.origin, release?.id ?? null),
    output_stream_url: streams.urlOf(call, 'build', app.id, build.id),
  }
}

export function buildRoutes(deps: Deps): Route[] {
  const { builds, releases } = deps.useCases
  const shown = (call: Call, app: App, build: Build) => shownBuild(deps, call, app, build)
  const found = (call: Call, app: App): Build => {
    const id = call.params['build']!
    const stored = builds.list(app.id).find((one) => one.id === id || String(one.number) === id)
    const build = stored ?? deps.jobs.find(app.id, id)
    if (!build) throw notFound('build')
    return build
  }
  const source = (call: Call) => {
    const url = `${call.origin.apiUrl}/sources/${deps.sources.create(call.account.id).secret}`
    return ok({ source_blob: { get_url: url, put_url: url } }, 201)
  }
  const create = (call: Call) => {
    const app = appOf(deps, call, 'deploy')
    const { url, version } = (call.body['source_blob'] ?? {}) as Record<string, unknown>
    const from = sourceOf(url)
    if (version !== undefined && version !== null && (typeof version !== 'string' || version.length > MAX_VERSION))
      throw invalid(`source_blob.version should be a text of at most ${MAX_VERSION} characters.`)
    const asked = deps.jobs.build(app, call.account, { ...from, version: version ?? '' })
    return ok(shown(call, app, builds.list(app.id).find(({ id }) => id === asked.id) ?? asked), 201)
  }
  /** `docker://nginx:1.27` or what was uploaded. */
  const sourceOf = (url: unknown) => {
    const [, ref, secret] = typeof url === 'string' ? (/^docker:\/\/(.+)$|\/sources\/([a-z0-9]{32})$/s.exec(url) ?? []) : []
    if (ref !== undefined) return { ref: parseImage(ref) }
    if (secret !== undefined) return { tar: deps.sources.open(secret) }
    throw invalid(
      'source_blob.url should be the get_url of a source (POST /sources makes one, PUT the tar to its put_url) or docker://IMAGE.',
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
      if (!builds.cancel(build.id, call.account.email)) deps.jobs.cancel(build.id)
      return ok(shown(call, app, build))
    }), // dozen builds:cancel
    DELETE('/apps/:app/build-cache', 'write', async (call) => {
      await builds.dropCache(appOf(deps, call, 'deploy'), call.account)
      return ok({})
    }), // dozen builds:cache:purge
    GET('/apps/:app/slugs/:slug', 'read', (call) => {
      const app = appOf(deps, call)
      const id = call.params['slug']!
      const release = releases.list(app.id).find((one) => slugOf(one) === id)
      if (release) return ok(more.slug(release, app, id))
      const uploaded = deps.slugs.find(app, id)
      if (!uploaded) throw notFound('slug')
      return ok(deps.slugs.show(uploaded, call.origin.apiUrl))
    }), // heroku apps:diff
    POST('/apps/:app/slugs', 'write', (call) =>
      ok(deps.slugs.show(deps.slugs.create(appOf(deps, call, 'deploy'), call.account, call.body), call.origin.apiUrl), 201),
    ), // curl
  ]
}
