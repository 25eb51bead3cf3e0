import type { RouteApp, RouteRules, RouteTarget } from '../api/wire.ts'

/** What routing must know of an app; `web` lists the processes of the release that serves (or is about to). */
export type Routable = {
  readonly id: string
  readonly name: string
  readonly hosts: readonly string[]
  readonly maintenance: boolean
  readonly rules?: RouteRules | undefined
  readonly pages?: RouteApp['pages'] | undefined
  /** Whether it may fall asleep, and whether it does sleep. */
  readonly sleep?: 'may' | 'does' | undefined
  /** Whether anything was ever deployed, or is on its way. */
  readonly deployed: boolean
  /** Web processes wanted. */
  readonly wanted: number
  readonly web: readonly {
    readonly dyno: string
    readonly address: string | undefined
    readonly state: 'unstarted' | 'starting' | 'up' | 'dead'
  }[]
}

/** The router's view of an app: targets are the proven processes, and `state` says why there are none. Pure; sorted, so equal means equal text. */
export function routeApp(app: Routable): RouteApp {
  const targets = app.web.flatMap(({ dyno, address, state }): RouteTarget[] =>
    state === 'up' && address ? [{ dyno, address }] : [],
  )
  return {
    id: app.id,
    name: app.name,
    hosts: app.hosts.toSorted(),
    state: stateOf(app, targets.length),
    maintenance: app.maintenance,
    targets: targets.toSorted((a, b) => (a.dyno + a.address < b.dyno + b.address ? -1 : 1)),
    ...(app.rules && { rules: app.rules }),
    ...(app.pages && { pages: app.pages }),
    ...(app.sleep && { sleeps: true as const }),
  }
}

function stateOf({ deployed, wanted, web, sleep }: Routable, targets: number): RouteApp['state'] {
  if (targets > 0) return 'serving'
  if (!deployed) return 'blank'
  if (sleep === 'does') return 'asleep'
  if (wanted === 0) return 'stopped'
  return web.length > 0 && web.every(({ state }) => state === 'dead') ? 'crashed' : 'starting'
}
