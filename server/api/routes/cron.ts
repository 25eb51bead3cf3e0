import type { Job } from '../../cron/cron.ts'
import type { PastRun } from '../../runs/store.ts'
import { appOf, DELETE, GET, ok, POST, type Call, type Deps, type Route } from '../route.ts'

/** dozen's own resource. */
const shownRun = ({ name, version, state, exitCode, createdAt, updatedAt }: PastRun) => ({
  dyno: name,
  release: { version },
  state,
  /** null while it runs, and when nobody saw it end. */
  exit_code: exitCode,
  started_at: createdAt.toISOString(),
  ended_at: state === 'ended' ? updatedAt.toISOString() : null,
})

const shown = ({ id, schedule, command, overlap, origin, next, last }: Job) => ({
  id,
  schedule,
  command,
  overlap,
  origin,
  next_at: next?.toISOString() ?? null,
  last: last ? shownRun(last) : null,
})

export function cronRoutes(deps: Deps): Route[] {
  const { cron } = deps.useCases
  const id = (call: Call) => call.params['job']!
  return [
    GET('/apps/:app/cron', 'read', (call) => ok(cron.list(appOf(deps, call)).map(shown))), // dozen cron
    POST('/apps/:app/cron', 'write', (call) => ok(shown(cron.add(appOf(deps, call), call.account, call.body)), 201)), // dozen cron:add
    GET('/apps/:app/cron/:job', 'read', (call) => ok(shown(cron.find(appOf(deps, call), id(call))))), // curl
    DELETE('/apps/:app/cron/:job', 'write', (call) => ok(shown(cron.remove(appOf(deps, call), call.account, id(call))))), // dozen cron:remove
    GET('/apps/:app/cron/:job/runs', 'read', (call) => ok(cron.history(appOf(deps, call), id(call)).map(shownRun))), // dozen cron:runs
    POST('/apps/:app/cron/:job/actions/run', 'write', async (call) => {
      const run = await cron.runNow(appOf(deps, call), call.account, id(call))
      return ok({ dyno: run.name, release: { version: run.version }, command: run.command }, 201)
    }), // dozen cron:run
  ]
}
