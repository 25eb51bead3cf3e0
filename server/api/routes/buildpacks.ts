import { invalid } from '../../errors.ts'
import { appOf, GET, ok, PUT, type Call, type Deps, type Route } from '../route.ts'

/** As the official CLI knows them: ours by their URN and name, the others by their address. */
const shown = (ref: string, ordinal: number) => {
  const isOurs = ref.startsWith('heroku/')
  return { ordinal, buildpack: { name: ref, url: isOurs ? `urn:buildpack:${ref}` : ref } }
}

export function buildpackRoutes(deps: Deps): Route[] {
  const { buildpacks } = deps.useCases
  const wanted = (call: Call): string[] => {
    const { updates } = call.body
    const names = Array.isArray(updates) ? updates.map((one: unknown) => (one as { buildpack?: unknown } | null)?.buildpack) : []
    if (!Array.isArray(updates) || names.some((name) => typeof name !== 'string'))
      throw invalid('updates should be the whole list, such as [{"buildpack": "heroku/nodejs"}].')
    return names as string[]
  }
  return [
    GET('/apps/:app/buildpack-installations', 'read', (call) => ok(buildpacks.list(appOf(deps, call).id).map(shown))), // dozen buildpacks
    PUT('/apps/:app/buildpack-installations', 'write', (call) => {
      const app = appOf(deps, call, 'deploy')
      return ok(buildpacks.set(app, call.account, wanted(call)).map(shown))
    }), // dozen buildpacks:set, buildpacks:add, buildpacks:remove, buildpacks:clear
  ]
}
