import { checkAdmin, GET, ok, POST, type Deps, type Route } from '../route.ts'

/** The machine itself: for admins. */
export function machineRoutes(deps: Deps): Route[] {
  const { disk, secrets } = deps.useCases
  return [
    GET('/disk', 'global', async (call) => {
      checkAdmin(call)
      const { items, free, reserve } = await disk.usage()
      const shown = items.map(({ name, bytes, reclaimable, parts }) => ({ name, bytes, reclaimable_bytes: reclaimable, parts }))
      return ok({ items: shown, free_bytes: free, reserve_bytes: reserve })
    }), // dozen disk
    POST('/secrets/actions/rotate', 'global', (call) => {
      checkAdmin(call)
      return ok({ rotated: secrets.rotate() })
    }), // dozen secrets:rotate
  ]
}
