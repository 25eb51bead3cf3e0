// Rings of tests: projects of vitest.config.ts, their live output on our stdout, their numbers from vitest's JSON report.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { ROOT } from './programs.mjs'
import { say } from './steps.mjs'

const STRAY_REPORTER = join(ROOT, 'scripts/setup/stray-errors.mjs')
const LIMIT_MS = { unit: 10 * 60_000, docker: 25 * 60_000, e2e: 40 * 60_000 }

/**
 * Runs rings side by side to their end, or to their time limit. Rings that have no test, or none that could start, have failed. Their worlds carry `run`
 * in their label. Where worlds are, what is thrown outside of tests has a second try too: of the files that ran meanwhile.
 */
export async function runRings(rings, run) {
  const name = rings.join(' + ')
  const startedAt = performance.now()
  say(`\n── ${name} ──`)
  const first = await attempt(rings, run, [])
  const files = rings.includes('unit') ? [] : first.strays.map(({ file }) => file)
  if (!first.isStray || files.length === 0 || files.includes(undefined))
    return { name, ms: performance.now() - startedAt, ...first }
  const again = [...new Set(files)]
  say(`\nErrors outside of tests: ${again.length === 1 ? 'the file runs' : `${again.length} files run`} once more.`)
  const second = await attempt(rings, run, again)
  const flakes = first.strays.map(({ file, message }) => `an error outside of tests in ${relative(ROOT, file)}: ${message}`)
  const { failed, failures } = second
  return {
    ...first,
    name,
    ms: performance.now() - startedAt,
    failed,
    failures,
    flakes: [...first.flakes, ...second.flakes, ...flakes],
  }
}

async function attempt(rings, run, files) {
  const report = join(ROOT, `.cache/reports/${rings.join('-')}.json`)
  const strays = `${report}.strays`
  mkdirSync(dirname(report), { recursive: true })
  for (const file of [report, strays]) rmSync(file, { force: true })
  const code = await vitest(rings, { report, strays, files }, run)
  return { ...count(report, code), strays: existsSync(strays) ? JSON.parse(readFileSync(strays, 'utf8')) : [] }
}

function vitest(rings, { report, strays, files }, run) {
  const projects = rings.flatMap((ring) => ['--project', ring])
  const limitMs = rings.reduce((sum, ring) => sum + LIMIT_MS[ring], 0)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, `--reporter=${STRAY_REPORTER}`]
  return new Promise((done) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...projects, ...reporters, ...files], {
      cwd: ROOT,
      env: { ...process.env, DOZEN_TEST_RUN: run, DOZEN_STRAY_ERRORS: strays },
      stdio: ['ignore', 'inherit', 'inherit'],
    }) // prettier-ignore
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
  const isStray = code !== 0 && failures.length === 0
  if (isStray) failures.push('errors outside of tests; the output above shows them')
  if (passed === 0 && failures.length === 0) failures.push('no test ran')
  const flakes = have('passed').filter(({ failureMessages }) => failureMessages.length > 0)
  return {
    passed,
    isStray,
    failed: failures.length,
    skipped: have('skipped', 'pending', 'todo').length,
    failures,
    flakes: flakes.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0].split('\n')[0]}`),
  }
}
