// How long a command of the client takes from its start to its end, beside Heroku's own client (where it is installed): npm run bench cli [rounds]
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { cleanUp, median, startPlatform } from './support/platform.mjs'

const ROUNDS = Number(process.argv[2] ?? 15)
const OFFICIAL = join(homedir(), '.cache/dozen/heroku-11.10.0/node_modules/heroku/bin/run.js') // test/support/official-cli.ts installs it

const platform = await startPlatform()
try {
  for (let n = 0; n < 20; n++) await platform.call('POST', '/apps', { name: `bench-cli-${n}` })
  const home = join(platform.home, 'cli-user')
  mkdirSync(join(home, '.cache/heroku'), { recursive: true })
  writeFileSync(join(home, '.cache/heroku/terms-of-service'), '')
  const mine = { PATH: process.env.PATH, HOME: home, DOZEN_URL: platform.api, DOZEN_TOKEN: platform.token }
  const dozen = (...args) => ({ argv: ['bin/dozen.mjs', ...args], env: mine })
  const theirs = JSON.parse((await timed(dozen('env', '--json'))).out)
  const heroku = (...args) => ({ argv: [OFFICIAL, ...args], env: { PATH: mine.PATH, HOME: home, ...theirs } })
  const rows = [
    ['node -e 0 (what Node.js itself takes)', { argv: ['-e', '0'], env: mine }],
    ['dozen --version', dozen('--version'), 150],
    ['dozen apps (20 apps, over loopback)', dozen('apps'), 250],
    ['dozen config -a bench-cli-1', dozen('config', '-a', 'bench-cli-1')],
    ['dozen help', dozen('help')],
    ...(existsSync(OFFICIAL) ? [['heroku --version', heroku('--version')], ['heroku apps', heroku('apps')], ['heroku config -a bench-cli-1', heroku('config', '-a', 'bench-cli-1')]] : []),
  ] // prettier-ignore
  const times = new Map(rows.map(([name]) => [name, []]))
  for (let round = 0; round <= ROUNDS; round++) await measure(round)
  console.log(`median and worst of ${ROUNDS}, side by side; a bar is for the median`)
  for (const [name, , bar] of rows) {
    const all = times.get(name)
    const verdict = bar === undefined ? '' : `  bar ${bar}: ${median(all) <= bar ? 'held' : 'MISSED'}`
    console.log(
      `${name.padEnd(40)}${median(all).toFixed(0).padStart(6)} ms${Math.max(...all)
        .toFixed(0)
        .padStart(8)} ms${verdict}`,
    )
  }

  /** One of each, so that what disturbs the machine disturbs them all. The first round only warms the disk's cache. */
  async function measure(round) {
    for (const [name, one] of rows) {
      const { ms, code, out } = await timed(one)
      if (code !== 0) throw new Error(`${name} ended with status ${code}:\n${out}`)
      if (round > 0) times.get(name).push(ms)
    }
  }
} finally {
  await platform.stop()
  await cleanUp()
}

function timed({ argv, env }) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    child.stdout.on('data', (text) => (out += text))
    child.stderr.on('data', (text) => (out += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ ms: performance.now() - startedAt, code, out }))
  })
}
