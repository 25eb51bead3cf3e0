// Rings of tests: projects of vitest.config.ts, their live output on our stdout, their numbers from vitest's JSON report.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from './programs.mjs'
import { say } from './steps.mjs'

const LIMIT_MS = { unit: 10 * 60_000, docker: 25 * 60_000, e2e: 40 * 60_000 }

/** Runs rings side by side to their end, or to their time limit. Rings that have no test, or none that could start, have failed. Their worlds carry `run` in their label. */
export async function runRings(rings, run) {
  const name = rings.join(' + ')
  const file = join(ROOT, `.cache/reports/${rings.join('-')}.json`)
  mkdirSync(dirname(file), { recursive: true })
  rmSync(file, { force: true })
  say(`\n── ${name} ──`)
  const startedAt = performance.now()
  const code = await vitest(rings, file, run)
  return { name, ms: performance.now() - startedAt, ...count(file, code) }
}

function vitest(rings, file, run) {
  const projects = rings.flatMap((ring) => ['--project', ring])
  const limitMs = rings.reduce((sum, ring) => sum + LIMIT_MS[ring], 0)
  const args = ['run', ...projects, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args], {
      cwd: ROOT,
      env: { ...process.env, DOZEN_TEST_RUN: run },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const timer = setTimeout(() => {
      say(`These tests took longer than ${limitMs / 60_000} minutes and are stopped: ${rings.join(', ')}.`)
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 30_000).unref()
    }, limitMs)
    child.on('close', (code) => {
      clearTimeout(timer)
      done(code ?? 1)
    })
  })
}

/** Failures that no test counts (a file that does not load, a hook that throws, an error outside tests) count as one each. */
function count(file, code) {
  let files
  try {
    files = JSON.parse(readFileSync(file, 'utf8')).testResults
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: ['the ring did not run; its output says why'], flakes: [] }
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
  const flakes = have('passed').filter(({ failureMessages }) => failureMessages.length > 0)
  return {
    passed,
    failed: failures.length,
    skipped: have('skipped', 'pending', 'todo').length,
    failures,
    flakes: flakes.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0].split('\n')[0]}`),
  }
}
