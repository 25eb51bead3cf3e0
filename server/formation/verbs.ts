import type { App } from '../apps/app.ts'
import { notFound } from '../errors.ts'
import type { dynoReports } from './dyno-reports.ts'
import type { formations } from './formations.ts'
import type { Restarts } from './restarts.ts'

type Deps = {
  formations: ReturnType<typeof formations>
  runs: { stop(app: App, name: string): Promise<void> }
  dynos: ReturnType<typeof dynoReports>['list']
  restarts: Restarts
}
type User = Parameters<ReturnType<typeof formations>['stop']>[1]

/** What can be done to the processes of an app, one-off ones included. */
export const formationVerbs = ({ formations, runs, dynos, restarts }: Deps) => ({
  ...formations,
  dynos,
  /** Throws not_found for one that was never asked for: it would seem to have succeeded. */
  restartReport(appId: string, number: number) {
    if (number > formations.lastRestart(appId)) throw notFound('restart')
    return restarts.find(appId, number)
  },
  async stop(app: App, user: User, target: { type: string; ordinal?: number }) {
    if (target.type === 'run') await runs.stop(app, `run.${target.ordinal}`)
    else formations.stop(app, user, target)
  },
})
