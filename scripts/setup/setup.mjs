// All the set-up a checkout needs. What does not wait for each other runs side by side.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt } from '../build.mjs'
import { ensureDependencies, ensureNative } from './dependencies.mjs'
import { ensureEngine } from './engine.mjs'
import { install } from './apt.mjs'
import { ROOT, run, which } from './programs.mjs'
import { step, StepFailed } from './steps.mjs'

const LEAST = 20

/** Rejects once no step is running any more, when one failed; what failed for a reason of its own has been explained then. Skipped steps cost milliseconds. */
export async function setUp() {
  await step('Node.js', checkNode)
  const engine = step('container engine', ensureEngine)
  const dependencies = step('dependencies', ensureDependencies)
  const native = dependencies.then(() => step('native module', ensureNative))
  const built = dependencies.then(() => step('build', ensureBuilt))
  const stack = Promise.all([engine, built]).then(() => step('stack image', ensureStack))
  const ended = await Promise.allSettled([engine, dependencies, native, built, stack])
  const reasons = new Set(ended.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))) // a step hands its reason to those that wait for it
  if (reasons.size > 0) throw new AggregateError(reasons, [...reasons].map(({ message }) => message).join(' '))
}

async function checkNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < LEAST)
    throw new StepFailed(`dozen needs Node.js ${LEAST} or newer, and this is ${process.version}: install a newer one.`)
  if (!which('git')) throw new StepFailed('dozen needs git: install it (`apt-get install -y git`), then run `npm start` again.')
  return process.version
}

const STACK = join(ROOT, 'dist/server/stack/main.js')

async function ensureStack(progress) {
  if (!existsSync(STACK)) throw new StepFailed(`${STACK} was not built: run \`npm run build\`.`)
  let remark = ''
  const ensure = () =>
    run(process.execPath, [STACK, 'ensure'], {
      onLine: (line) => {
        remark = line
        progress(line)
      },
    })
  let done = await ensure()
  if (done.code !== 0 && !which('mmdebstrap') && (await install(['mmdebstrap'], progress))) done = await ensure()
  if (done.code === 0) return remark
  throw new StepFailed(
    'The stack image could not be made: check that a Debian mirror or a registry is reachable, then run `npm start` again.',
    done.lines,
  )
}
