import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Failpoint } from '../../server/failpoint.ts'
import type { Load } from '../support/load.ts'
import { nodeApp, type World } from '../support/world.ts'
import { readLedger, violations, type Ledger } from './invariants.ts'

export const SETTINGS = {
  DOZEN_PROOF_TIME: '1s', // long enough for `false` to have ended, also on a busy machine
  DOZEN_BOOT_TIMEOUT: '10s',
  DOZEN_STOP_TIMEOUT: '5s',
  DOZEN_WATCH_WINDOW: '0',
} as const
const SETTLED_MS = 60_000
const PAUSE_MS = 200

let kind: 'buildpack' | 'dockerfile' = 'buildpack'
/** What the shop is built by: an engine of the test's own has no image to run buildpacks in. */
export const useFiles = (wanted: typeof kind) => void (kind = wanted)
export const isDockerfile = () => kind === 'dockerfile'

/** Web, worker and a release phase; `body` is what it answers, `worker` the worker's command. */
export function shopFiles(body: string, { worker = 'exec sleep infinity' } = {}) {
  const files = nodeApp(body, { procfile: `worker: ${worker}\nrelease: echo migrating\n` })
  const Dockerfile = `FROM tiny:latest\nENV PATH=/usr/bin:/bin\nWORKDIR /app\nCOPY . .\nCMD ["node", "server.js"]\n`
  return isDockerfile() ? { ...files, Dockerfile } : files
}

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
      prepare: (app) => cli('ps:scale', 'web=1', 'worker=1', '-a', app), // it is the worker that fails
      act: (app) => push(app, shopFiles(`bad ${++last}`, { worker: 'false' })),
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
    if (broken.length > 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS)) // a look costs the engine a lot
    return broken.length === 0
  }
  await world.until(look, SETTLED_MS, 'every invariant holds').catch((cause: Error) => {
    throw new Error(broken.length > 0 ? broken.join('\n') : cause.message)
  })
}

/** The controller answers: the one after a kill, or the same. */
export const answering = (world: World) =>
  world.until(async () => (await fetch(`${world.endpoints.api}/health`)).ok, 30_000, 'the API answers')

/** A flow that leaves the machine to what it is there to watch. */
export const flow = (world: World, app: string) => world.load(app, { kept: 2, fresh: 1, pauseMs: 50 })

/** Ends the flow and gives what failed in it, in words. */
export const failuresOf = async (load: Load): Promise<string[]> =>
  (await load.stop()).failed.map(({ atMs, on, why }) => `I1: after ${atMs} ms, ${on}: ${why}`)

export { readLedger }
