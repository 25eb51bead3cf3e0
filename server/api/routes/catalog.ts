import { notFound } from '../../errors.ts'
import { appOf, checkAdmin, GET, ok, POST, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

const EPOCH = '2026-01-01T00:00:00Z'

const region = {
  ...show.FIXED.region,
  country: 'Here',
  description: 'This machine',
  locale: 'Here',
  private_capable: false,
  provider: { name: 'dozen', region: 'us-east-1' },
  created_at: EPOCH,
  updated_at: EPOCH,
}
const size = {
  ...show.FIXED.size,
  architecture: 'x86_64',
  compute: 1,
  cost: { cents: 0, unit: 'month' },
  dedicated: false,
  precise_dyno_units: 0,
  generation: show.FIXED.generation,
  memory: 0.5,
  private_space_only: false,
}
const stack = (name: string) => ({
  id: show.stackId(name),
  name,
  state: 'public',
  default: name === 'heroku-22',
  created_at: EPOCH,
  updated_at: EPOCH,
})
const generation = {
  ...show.FIXED.generation,
  features: ['buildpacks', 'cron', 'rollback'],
  created_at: EPOCH,
  updated_at: EPOCH,
}

type Named = { id: string; name: string }
const one = (items: readonly Named[], what: string, param: string) => (call: Call) => {
  const found = items.find(({ id, name }) => [id, name].includes(call.params[param]!))
  if (!found) throw notFound(what)
  return ok(found)
}

/** What there is one or two of, and never more: this machine, one size; and the stacks. */
export function catalogRoutes(deps: Deps): Route[] {
  const stacks = () => [...deps.useCases.stacks.names(), 'container'].map(stack)
  const oneStack = (call: Call) => one(stacks(), 'stack', 'stack')(call)
  const rebuild = async (call: Call) => {
    checkAdmin(call)
    const found = stacks().find(({ id, name }) => [id, name].includes(call.params['stack']!) && name !== 'container')
    if (!found) throw notFound('stack')
    const images = await deps.useCases.stacks.rebuild(found.name)
    return ok({ ...found, images })
  }
  const ofApp = (items: readonly unknown[]) => (call: Call) => (appOf(deps, call), ok(items))
  return [
    GET('/regions', 'identity', () => ok([region])), // dozen regions
    GET('/regions/:region', 'identity', one([region], 'region', 'region')), // curl
    GET('/stacks', 'identity', () => ok(stacks())), // dozen stack
    GET('/stacks/:stack', 'identity', oneStack), // curl
    POST('/stacks/:stack/rebuild', 'global', rebuild), // dozen stack:rebuild
    GET('/apps/:app/available-stacks', 'read', (call) => (appOf(deps, call), ok(stacks()))), // curl
    GET('/dyno-sizes', 'identity', () => ok([size])), // heroku ps:type
    GET('/dyno-sizes/:size', 'identity', one([size], 'dyno size', 'size')), // curl
    GET('/apps/:app/available-dyno-sizes', 'read', ofApp([size])), // curl
    GET('/apps/:app/formation/:type/dyno-sizes', 'read', ofApp([size])), // curl
    GET('/generations', 'identity', () => ok([generation])), // curl
    GET('/generations/:generation', 'identity', one([generation], 'generation', 'generation')), // curl
    GET('/teams', 'identity', () => ok([])), // heroku teams
    GET('/spaces', 'identity', () => ok([])), // heroku spaces
  ]
}
