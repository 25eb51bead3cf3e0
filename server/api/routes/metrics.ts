import { appOf, GET, ok, type Deps, type Route } from '../route.ts'

export const metricRoutes = (deps: Deps): Route[] => [
  GET('/apps/:app/metrics', 'read', async (call) => ok(await deps.metrics.ofApp(appOf(deps, call)))), // dozen metrics
]
