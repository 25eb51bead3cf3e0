import type { Promotion } from '../jobs.ts'
import type { Coupling } from '../../pipelines/pipelines.ts'
import { AppError, invalid, notFound } from '../../errors.ts'
import { appNamed, appOf, DELETE, GET, listed, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'
import * as more from '../serialize-more.ts'
import * as show from '../serialize.ts'

const named = (value: unknown): string => {
  const found =
    typeof value === 'object' && value
      ? ((value as Record<string, unknown>)['id'] ?? (value as Record<string, unknown>)['name'])
      : value
  if (typeof found !== 'string') throw invalid('Name apps and pipelines by id or name, e.g. {"id":"…"}.')
  return found
}

/** What a caller may see: `pipelines:*` of the official CLI. */
function sight(deps: Deps) {
  const { pipelines } = deps
  const appIds = ({ account }: Call) => new Set(deps.useCases.apps.list(account).map((app) => app.id))
  const find = (call: Call, id: string) => pipelines.find(call.account, appIds(call), id)
  const owned = (call: Call, id: string) => {
    const pipeline = find(call, id)
    if (!call.account.admin && pipeline.ownerId !== call.account.id)
      throw new AppError('forbidden', `Only the owner of ${pipeline.name} may change it.`)
    return pipeline
  }
  const coupling = (call: Call): Coupling => {
    const found = pipelines.couplings().find((one) => one.id === call.params['coupling'])
    if (!found || !appIds(call).has(found.appId)) throw notFound('pipeline coupling')
    return found
  }
  const shown = (call: Call, one: Coupling) => more.coupling(one, find(call, one.pipelineId))
  const couplings = (call: Call) => pipelines.couplings().filter((one) => appIds(call).has(one.appId))
  return { find, owned, coupling, couplings, shown, appIds }
}

const ID = { id: (one: { id: string }) => one.id }

export function pipelineRoutes(deps: Deps): Route[] {
  const { pipelines } = deps
  const { find, owned, appIds } = sight(deps)
  const rename = (call: Call) => ok(more.pipeline(pipelines.rename(owned(call, call.params['pipeline']!), call.body['name'])))
  const transfer = (call: Call) => {
    const before = owned(call, named(call.body['pipeline']))
    const { id, type = 'user' } = (call.body['new_owner'] ?? {}) as { id?: unknown; type?: unknown }
    const to = typeof id === 'string' ? deps.accounts.findByEmailOrId(id) : undefined
    if (!to || type !== 'user') throw invalid('new_owner should be an account, e.g. {"id":"…","type":"user"}.')
    const ref = (owner: string) => ({ id: owner, type: 'user' })
    return ok({ pipeline: { id: before.id }, previous_owner: ref(before.ownerId), new_owner: ref(pipelines.give(before, to).ownerId) }, 201)
  } // prettier-ignore
  return [
    GET('/pipelines', 'read', (call) => {
      const wanted = call.query['eq[name]'] ?? (call.query['eq'] as { name?: string } | undefined)?.name
      const all = pipelines.list(call.account, appIds(call))
      return listed(
        wanted === undefined ? all : all.filter(({ name }) => name === wanted),
        { ...ID, name: (p) => p.name },
        more.pipeline,
      )
    }), // dozen pipelines
    POST('/pipelines', 'write', (call) => ok(more.pipeline(pipelines.create(call.account, call.body['name'])), 201)), // dozen pipelines:create
    GET('/pipelines/:pipeline', 'read', (call) => ok(more.pipeline(find(call, call.params['pipeline']!)))), // dozen pipelines:info
    PATCH('/pipelines/:pipeline', 'write', rename), // dozen pipelines:rename
    DELETE('/pipelines/:pipeline', 'write', (call) => {
      const pipeline = owned(call, call.params['pipeline']!)
      pipelines.remove(pipeline)
      return ok(more.pipeline(pipeline))
    }), // dozen pipelines:destroy
    POST('/pipeline-transfers', 'write', transfer), // heroku pipelines:transfer
    ...couplingRoutes(deps),
    ...promotionRoutes(deps),
  ]
}

function couplingRoutes(deps: Deps): Route[] {
  const { pipelines } = deps
  const { find, owned, coupling, couplings, shown } = sight(deps)
  const create = (call: Call) => {
    const app = appNamed(deps, call, named(call.body['app']), 'manage')
    return ok(shown(call, pipelines.couple(owned(call, named(call.body['pipeline'])), app, call.body['stage'])), 201)
  }
  const changed = (call: Call) => {
    const one = coupling(call)
    appNamed(deps, call, one.appId, 'manage')
    return one
  }
  const mine = (call: Call) => {
    const one = pipelines.couplingOf(appOf(deps, call).id)
    if (!one) throw notFound('pipeline coupling')
    return ok(shown(call, one))
  }
  return [
    GET('/pipelines/:pipeline/pipeline-couplings', 'read', (call) => {
      const { id } = find(call, call.params['pipeline']!)
      return listed(couplings(call).filter((one) => one.pipelineId === id), ID, (one) => shown(call, one)) // prettier-ignore
    }), // dozen pipelines:info
    GET('/pipeline-couplings', 'read', (call) => listed(couplings(call), ID, (one) => shown(call, one))), // curl
    GET('/users/~/pipeline-couplings', 'read', (call) => listed(couplings(call), ID, (one) => shown(call, one))), // curl
    POST('/pipeline-couplings', 'write', create), // dozen pipelines:add
    GET('/pipeline-couplings/:coupling', 'read', (call) => ok(shown(call, coupling(call)))), // curl
    PATCH('/pipeline-couplings/:coupling', 'write', (call) => ok(shown(call, pipelines.move(changed(call), call.body['stage'])))), // dozen pipelines:update
    DELETE('/pipeline-couplings/:coupling', 'write', (call) => {
      const one = changed(call)
      pipelines.uncouple(one)
      return ok(shown(call, one))
    }), // dozen pipelines:remove
    GET('/apps/:app/pipeline-couplings', 'read', mine), // heroku apps:info
    POST('/filters/apps', 'read', (call) => {
      const ids = (call.body['in'] as { id?: unknown } | undefined)?.id
      const wanted = new Set(Array.isArray(ids) ? ids : [])
      const apps = deps.useCases.apps.list(call.account).filter(({ id }) => wanted.has(id))
      return listed(apps, ID, (app) => ({ ...show.app(app, call.origin), joined: true, locked: false }))
    }), // heroku pipelines:info
  ]
}

function promotionRoutes(deps: Deps): Route[] {
  const { find } = sight(deps)
  const shown = ({ id, pipelineId, source, release, targets, at }: Promotion) => ({
    id,
    pipeline: { id: pipelineId },
    source: { app: { id: source.id }, release: { id: release.id } },
    status: targets.some(({ status }) => status === 'pending') ? 'pending' : 'completed',
    created_at: at.toISOString(),
    updated_at: at.toISOString(),
  })
  const found = (call: Call) => {
    const promotion = deps.jobs.promotion(call.params['promotion']!)
    find(call, promotion.pipelineId)
    return promotion
  }
  const promote = (call: Call) => {
    const pipeline = find(call, named(call.body['pipeline']))
    const source = appNamed(deps, call, named((call.body['source'] as { app?: unknown } | undefined)?.app), 'view')
    const wanted = call.body['targets']
    if (!Array.isArray(wanted) || wanted.length === 0) throw invalid('targets should be a list such as [{"app":{"id":"…"}}].')
    const apps = wanted.map((target: { app?: unknown } | null) => appNamed(deps, call, named(target?.app), 'deploy'))
    const isIn = (appId: string) => deps.pipelines.couplingOf(appId)?.pipelineId === pipeline.id
    for (const app of [source, ...apps]) if (!isIn(app.id)) throw invalid(`${app.name} is not in the pipeline ${pipeline.name}.`)
    const release = deps.useCases.releases.current(source.id)
    if (!release?.source) throw invalid(`Nothing is deployed to ${source.name} yet, so there is nothing to promote.`)
    return ok(shown(deps.jobs.promote(call.account, { pipelineId: pipeline.id, source, release, apps })), 201)
  }
  return [
    POST('/pipeline-promotions', 'write', promote), // dozen pipelines:promote
    GET('/pipeline-promotions/:promotion', 'read', (call) => ok(shown(found(call)))), // dozen pipelines:promote
    GET('/pipeline-promotions/:promotion/promotion-targets', 'read', (call) => {
      const promotion = found(call)
      return listed(promotion.targets, ID, ({ id, app, status, release, error }) => ({
        id,
        app: { id: app.id },
        pipeline_promotion: { id: promotion.id },
        release: release && { id: release.id },
        status,
        error_message: error,
      }))
    }), // dozen pipelines:promote
  ]
}
