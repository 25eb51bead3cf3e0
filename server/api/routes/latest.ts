import type { App } from '../../apps/app.ts'
import { AppError, invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'
import { shownBuild } from './builds.ts'
import { shownRelease } from './releases.ts'

const NO_REVIEW =
  'dozen makes no review apps, as it is not connected to a code host: `dozen create` and `dozen pipelines:add --stage review` put an app for a branch into the pipeline.'

/** What the apps of a pipeline last built and released, and the shape of its review apps. */
export function latestRoutes(deps: Deps): Route[] {
  const { builds, releases, apps } = deps.useCases
  const visible = (call: Call) => apps.list(call.account)
  const pipeline = (call: Call) =>
    deps.pipelines.find(call.account, new Set(visible(call).map(({ id }) => id)), call.params['pipeline']!)
  const each = <T>(call: Call, one: (app: App) => T | undefined): NonNullable<T>[] => {
    const { id } = pipeline(call)
    const inside = new Set(deps.pipelines.couplings().flatMap((c) => (c.pipelineId === id ? [c.appId] : [])))
    return visible(call).flatMap((app) => (inside.has(app.id) ? (one(app) ?? []) : []))
  }
  const latestBuilds = (call: Call) =>
    ok(
      each(
        call,
        (app) =>
          builds
            .list(app.id)
            .slice(-1)
            .map((build) => shownBuild(deps, call, app, build))[0],
      ),
    )
  const latest = (call: Call, isDeploy: boolean) =>
    ok(
      each(call, (app) => {
        const found = releases
          .list(app.id)
          .findLast(({ cause, status }) => !isDeploy || (cause === 'deploy' && status === 'succeeded'))
        return found && shownRelease(deps, call, app, found)
      }),
    )
  const noConfig = (call: Call) => {
    pipeline(call)
    throw notFound('review app config')
  }
  const refuse = (call: Call) => {
    pipeline(call)
    throw invalid(NO_REVIEW)
  }
  const noApp = () => {
    throw new AppError('not_found', NO_REVIEW, { resource: 'review_app' })
  }
  return [
    GET('/pipelines/:pipeline/latest-builds', 'read', latestBuilds), // curl
    GET('/pipelines/:pipeline/latest-deployments', 'read', (call) => latest(call, true)), // heroku pipelines:diff
    GET('/pipelines/:pipeline/latest-releases', 'read', (call) => latest(call, false)), // curl
    GET('/pipelines/:pipeline/pipeline-stack', 'read', (call) => {
      pipeline(call)
      return ok({ stack: { id: show.stackId('heroku-22'), name: 'heroku-22' } })
    }), // curl
    GET('/pipelines/:pipeline/review-app-config', 'read', noConfig), // heroku reviewapps:enable
    POST('/pipelines/:pipeline/review-app-config', 'write', refuse), // heroku reviewapps:enable
    PATCH('/pipelines/:pipeline/review-app-config', 'write', noConfig), // heroku reviewapps:enable
    DELETE('/pipelines/:pipeline/review-app-config', 'write', noConfig), // heroku reviewapps:disable
    GET('/pipelines/:pipeline/review-apps', 'read', (call) => (pipeline(call), ok([]))), // curl
    POST('/review-apps', 'write', noApp), // heroku reviewapps:create
    GET('/review-apps/:review', 'read', noApp), // heroku reviewapps:wait
    DELETE('/review-apps/:review', 'write', noApp), // curl
    GET('/apps/:app/review-app', 'read', (call) => (appOf(deps, call), noApp())), // curl
  ]
}
