// `npm test [ring …]`: set-up, static checks, then every ring of tests. The last line is `N passed, N failed`, and the status follows it.
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { sweepTests } from './setup/engine.mjs'
import { ROOT, run } from './setup/programs.mjs'
import { runRings } from './setup/rings.mjs'
import { setUp } from './setup/setup.mjs'
import { duration, explain, say, step, StepFailed } from './setup/steps.mjs'
import { testPrograms } from './setup/test-programs.mjs'

const bin = (name) => join(ROOT, 'node_modules/.bin', name)
const CHECKS = {
  types: [bin('tsc'), '--noEmit'],
  lint: [bin('eslint'), '.'],
  format: [bin('prettier'), '--check', '.'],
  arrows: [bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'server', 'cli', 'router', 'db', 'test'],
}
/** Part of the instance label of every world of this run, so that runs side by side leave each other's things alone. */
const RUN = randomBytes(3).toString('hex')
/** Those of one group run side by side. */
const RINGS = [['unit'], ['docker', 'e2e']]

async function main() {
  const wanted = process.argv.slice(2)
  const results = []
  try {
    await setUp()
    await makeRoom()
    await testPrograms()
    results.push(...(await checks(wanted)))
    for (const group of RINGS) {
      const rings = group.filter((ring) => wanted.length === 0 || wanted.includes(ring))
      if (rings.length > 0) results.push(await runRings(rings, RUN))
    }
    results.push(await tidy())
  } catch (error) {
    explain(error)
    results.push({ name: 'set-up', passed: 0, failed: 1, skipped: 0, ms: 0, failures: [error.message] })
  }
  return report(results)
}

/** Addresses that no container has must be refused at once, not after a time-out. Root only; elsewhere tests wait a little longer. */
const makeRoom = () => run('ip', ['route', 'replace', 'unreachable', '172.16.0.0/12'])

/** The static checks, as many at a time as there are cores. */
async function checks(wanted) {
  const queue = Object.keys(CHECKS).filter((name) => wanted.length === 0 || wanted.includes(name))
  const results = []
  const worker = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) results.push(await check(name))
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker))
  return results
}

async function check(name) {
  const startedAt = performance.now()
  const [program, ...args] = CHECKS[name]
  let lines = []
  const ok = await step(name, async (progress) => {
    const done = await run(program, args, { onLine: progress })
    lines = done.lines
    if (done.code !== 0) throw new StepFailed(`${name} found something.`, lines)
  }).then(
    () => true,
    () => false,
  )
  if (!ok) for (const line of lines) say(`    ${line}`)
  const failures = ok ? [] : [name]
  return { name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, ms: performance.now() - startedAt, failures }
}

/** Tests clean up after themselves; what a killed one left is removed here and said. */
async function tidy() {
  const removed = await sweepTests(RUN)
  if (removed > 0) say(`Removed ${removed} things from the engine that tests had left behind.`)
  rmSync(join(ROOT, '.cache/reports'), { recursive: true, force: true })
  return { name: 'clean-up', passed: 0, failed: 0, skipped: 0, ms: 0, failures: [] }
}

function report(results) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0)
  const out = (text) => process.stdout.write(`${text}\n`)
  out('')
  for (const { name, failures } of results) for (const failure of failures) out(`✗ ${name}: ${failure}`)
  for (const { name, flakes = [] } of results) for (const flake of flakes) out(`≈ ${name}, only at the second try: ${flake}`)
  for (const { name, passed, failed, skipped, ms } of results) {
    if (passed + failed + skipped === 0) continue
    const parts = [`${passed} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])]
    out(`${name.padEnd(13)} ${parts.join(', ')} (${duration(ms)})`)
  }
  const [passed, failed] = [sum('passed'), sum('failed')]
  out(`${passed} passed, ${failed} failed`)
  return failed > 0 || passed === 0 ? 1 : 0
}

process.exitCode = await main()
