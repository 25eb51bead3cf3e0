// One ring of tests: a project of vitest.config.ts, its live output on our stdout, its numbers from vitest's JSON report.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from './programs.mjs'
import { say } from './steps.mjs'

const LIMIT_MS = { unit: 10 * 60_000, docker: 25 * 60_000, e2e: 40 * 60_000 }

/** Runs a ring to its end, or to its time limit. A ring that has no test, or none that could start, has failed. Worlds of it carry `run` in their label. */
export async function runRing(ring, run) {
  const file = join(ROOT, `.cache/reports/${ring}.json`)
  mkdirSync(dirname(file), { recursive: true })
  rmSync(file, { force: true })
  say(`\n── ${ring} ──`)
  const startedAt = performance.now()
  const code = await vitest(ring, file, run)
  return { name: ring, ms: performance.now() - startedAt, ...count(ring, file, code) }
}

function vitest(ring, file, run) {
  const args = ['run', '--project', ring, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: ROOT,
      env: { ...process.env, DOZEN_TEST_RUN: run },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const timer = setTimeout(() => {
      say(`The ${ring} ring took longer than ${LIMIT_MS[ring] / 60_000} minutes and is stopped.`)
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 30_000).unref()
    }, LIMIT_MS[ring])
    child.on('close', (code) => {
      clearTimeout(timer)
      done(code ?? 1)
    })
  })
}

/** Failures that no test counts (a file that does not load, a hook that throws, an error outside tests) count as one each. */
function count(ring, file, code) {
  let files
  try {
    files = JSON.parse(readFileSync(file, 'utf8')).testResults
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: ['the ring did not run; its output says why'] }
  }
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const have = (...statuses) => tests.filter(({ status }) => statuses.includes(status))
  const broken = files.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  const failures = [
    ...have('failed').map(({ fullName }) => fullName),
    ...broken.map(({ name, message }) => `${name.replace(`${ROOT}/`, '')} did not run: ${(message ?? '').split('\n')[0]}`),
  ]
  const passed = have('passed').length
  if (code !== 0 && failures.length === 0) failures.push('errors outside of tests; the output above shows them')
  if (passed === 0 && failures.length === 0) failures.push('no test ran')
  return { passed, failed: failures.length, skipped: have('skipped', 'pending', 'todo').length, failures }
}
