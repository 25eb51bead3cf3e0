// `npm run faults [part …] [--minutes 10] [-t filter]`: the fault matrix whole, kills at every step boundary included; docs/faults.md is printed from what
// came out. Parts are files of test/faults; results of parts that were not run stay as they were. DOZEN_FAULTS=seeded runs the part that one seed chooses.
// `--minutes 10` runs a piece: what has not passed yet, as much of it as begins within ten minutes; the next piece goes on there.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keep, page, read, written } from './faults/page.mjs'
import { ROOT, run } from './setup/programs.mjs'
import { setUp } from './setup/setup.mjs'
import { testPrograms } from './setup/test-programs.mjs'

const RESULTS = join(ROOT, 'test/faults/results.tsv')
const REPORT = join(ROOT, `.cache/faults-report-${process.pid}.jsonl`)
const PASSED = join(ROOT, `.cache/faults-passed-${process.pid}.json`)

const text = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
const results = () => read(text(RESULTS))

function vitest(args, env) {
  const reporters = ['--reporter=default', `--reporter=${join(ROOT, 'scripts/faults/reporter.mjs')}`]
  const child = spawn(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'e2e', ...reporters, ...args], {
    cwd: ROOT,
    env: { ...process.env, DOZEN_FAULTS: process.env.DOZEN_FAULTS ?? 'all', DOZEN_FAULTS_REPORT: REPORT, ...env },
    stdio: 'inherit',
  }) // prettier-ignore
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
  return new Promise((done) => child.on('close', (code) => done(code ?? 1)))
}

/** What `--minutes` tells test/faults/pieces.ts. */
function pieceOf(minutes) {
  const passed = Object.entries(results()).flatMap(([title, { status }]) => (status === 'passed' ? [title] : []))
  writeFileSync(PASSED, JSON.stringify(passed))
  return { DOZEN_FAULTS_PASSED: PASSED, DOZEN_FAULTS_UNTIL: String(Date.now() + minutes * 60_000) }
}

function argumentsOf(args) {
  const at = args.indexOf('--minutes')
  const minutes = at < 0 ? undefined : Number(args.splice(at, 2)[1])
  if (minutes !== undefined && !(minutes > 0)) throw new Error('--minutes takes a number, e.g. --minutes 10.')
  const options = args.findIndex((arg) => arg.startsWith('-'))
  const names = options < 0 ? args : args.slice(0, options)
  const parts = names.length > 0 ? names.map((name) => `test/faults/${name}.test.ts`) : ['test/faults']
  return { minutes, vitestArgs: [...parts, ...(options < 0 ? [] : args.slice(options))] }
}

async function main() {
  const { minutes, vitestArgs } = argumentsOf(process.argv.slice(2))
  await setUp()
  await testPrograms({ withFaults: true })
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  const code = await vitest(vitestArgs, minutes ? pieceOf(minutes) : {})
  const { lines } = await run('git', ['rev-parse', '--short', 'HEAD'])
  const report = text(REPORT).split('\n').filter(Boolean).map((line) => JSON.parse(line)) // prettier-ignore
  const all = keep(results(), report, { commit: lines[0]?.trim() ?? '', at: new Date() })
  writeFileSync(RESULTS, written(all))
  for (const file of [REPORT, PASSED]) rmSync(file, { force: true })
  const file = join(ROOT, 'docs/faults.md')
  writeFileSync(file, page(all))
  await run(join(ROOT, 'node_modules/.bin/prettier'), ['--write', file])
  return code
}

process.exitCode = await main()
