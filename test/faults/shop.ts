import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Failpoint } from '../../server/failpoint.ts'
import type { Load } from '../support/load.ts'
import { nodeApp, type World } from '../support/world.ts'
import { readLedger, violations, type Ledger } from './invariants.ts'

export const SETTINGS = {
  DOZEN_PROOF_TIME: '300ms',
  DOZEN_BOOT_TIMEOUT: '10s',
  DOZEN_STOP_TIMEOUT: '5s',
  DOZEN_WATCH_WINDOW: '0',
} as const
const SETTLED_MS = 60_000

/** Web, worker and a release phase; `body` is what it answers, `worker` what its worker does. */
export const shopFiles = (body: string, { worker = 'setInterval(() => {}, 1000)' } = {}) => ({
  ...nodeApp(body, { procfile: 'worker: node worker.js\nrelease: echo migrating\n' }),
  'worker.js': worker,
})

/** How an operation ended for who asked for it. */
export type Outcome = { ok: boolean; said: string }
export type Operation = {
  name: string
  /** Brings the app to where the operation makes sense; not part of the fault. */
  prepare?: (app: string) => Promise<unknown>
  act: (app: string) => Promise<Outcome>
  /** What must be so afterwards when `act` ended well. */
  holds?: (app: string) => Promise<boolean>
  points: readonly Failpoint[]
}

const START = ['dyno.created', 'dyno.started'] as const
const SWITCH = ['switch.proven', 'table.numbered', 'switch.published', 'switch.settled'] as const
const RETIRE = ['retire.drained', 'retire.stopped', 'retire.removed'] as const
const APPEND = ['release.committing', 'release.appended', 'phase.started', 'phase.ended', 'phase.passed'] as const
const RELEASE = [...APPEND, ...START, ...SWITCH, ...RETIRE]

/** Every operation of the matrix with the step boundaries on its way. */
export function operations(world: World): Operation[] {
  let last = 0
  let wanted = ''
  const cli = async (...args: string[]): Promise<Outcome> => {
    const { code, stdout, stderr } = await world.cli(...args)
    return { ok: code === 0, said: stdout + stderr }
  }
  const push = async (app: string, files: ReturnType<typeof shopFiles>): Promise<Outcome> => {
    const { code, output } = await world.tryPush(app, files)
    return { ok: code === 0, said: output }
  }
  const serves = async (app: string) => (await world.get(app)).body === wanted
  const quantities = (app: string) =>
    world.api<{ type: string; quantity: number }[]>('GET', `/apps/${app}/formation`).then(({ body }) =>
      Object.fromEntries(body.map(({ type, quantity }) => [type, quantity])),
    ) // prettier-ignore
  return [
    {
      name: 'deploy',
      act: (app) => push(app, shopFiles((wanted = `body ${++last}`))),
      holds: serves,
      points: ['build.recorded', 'build.compiled', 'deploy.built', ...RELEASE],
    },
    {
      name: 'deploy that fails',
      act: (app) => push(app, shopFiles(`bad ${++last}`, { worker: 'process.exit(1)' })),
      points: ['release.appended', 'phase.passed', ...START, 'release.failing', 'release.failed'],
    },
    {
      name: 'config change',
      act: (app) => cli('config:set', `N=${++last}`, '--wait', '-a', app),
      holds: async (app) => (JSON.parse((await world.get(app, '/env')).body) as { N: string }).N === String(last),
      points: RELEASE,
    },
    { name: 'rollback', act: (app) => cli('rollback', '-a', app), points: RELEASE },
    {
      name: 'scale up',
      prepare: (app) => cli('ps:scale', 'web=1', 'worker=1', '-a', app),
      act: (app) => cli('ps:scale', 'web=2', 'worker=2', '-a', app),
      holds: async (app) => (({ web, worker }) => web === 2 && worker === 2)(await quantities(app)),
      points: ['scale.committing', 'scale.committed', 'table.numbered', ...START],
    },
    {
      name: 'scale down',
      prepare: (app) => cli('ps:scale', 'web=2', 'worker=1', '-a', app),
      act: (app) => cli('ps:scale', 'web=1', 'worker=0', '-a', app),
      holds: async (app) => (({ web, worker }) => web === 1 && worker === 0)(await quantities(app)),
      points: ['scale.committing', 'scale.committed', 'table.numbered', ...RETIRE],
    },
    {
      name: 'restart',
      act: (app) => cli('ps:restart', '-a', app),
      points: ['restart.committed', ...START, 'table.numbered', ...RETIRE],
    },
    {
      name: 'run',
      act: (app) => cli('run', '-a', app, '--', 'echo hello'),
      points: ['run.created', 'run.started', 'run.ended'],
    },
    {
      name: 'detached run',
      act: (app) => cli('run:detached', '-a', app, '--', 'echo hello'),
      points: ['run.created', 'run.started', 'run.ended'],
    },
  ]
}

/** Wishes that the processes of `pids` die at `point`; without any the controller itself. */
export const arm = (folder: string, point: Failpoint, pids: readonly number[] = []) =>
  writeFileSync(join(folder, point), pids.join(' '))

/** Waits until nothing breaks an invariant any more; rejects with what does. */
export async function settled(world: World, before: Ledger, options: { temporary?: string } = {}): Promise<void> {
  let broken: string[] = []
  const look = async () => {
    broken = await violations(world, before, options)
    return broken.length === 0
  }
  await world.until(look, SETTLED_MS, 'every invariant holds').catch((cause: Error) => {
    throw new Error(broken.length > 0 ? broken.join('\n') : cause.message)
  })
}

/** The controller answers: the one after a kill, or the same. */
export const answering = (world: World) =>
  world.until(async () => (await fetch(`${world.endpoints.api}/health`)).ok, 30_000, 'the API answers')

/** Ends the flow and gives what failed in it, in words. */
export const failuresOf = async (load: Load): Promise<string[]> =>
  (await load.stop()).failed.map(({ atMs, on, why }) => `I1: after ${atMs} ms, ${on}: ${why}`)

export { readLedger }
