// What the log stream costs and holds, beside `docker logs -f` of the same container.
// npm run bench logs [throughput|latency|flood|read|quiet …] [--lines=5000000] [--rounds=1]
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { counter, openTail, percentile, session } from './support/log-readers.mjs'
import { cleanUp, docker, get, INSTANCE, pause, prepareApp, ratio, row, startPlatform } from './support/platform.mjs'

const PARTS = ['throughput', 'latency', 'flood', 'read', 'quiet']
const asked = process.argv.slice(2).filter((word) => PARTS.includes(word))
const wanted = asked.length > 0 ? asked : PARTS
const number = (name, fallback) => Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? fallback)
/** Nothing may be lost of 5 million; fewer by default, since the machine is everybody's. */
const LINES = number('lines', 300_000)
const ROUNDS = number('rounds', LINES > 1_000_000 ? 1 : 3)
const QUIET_CONTAINERS = 20
const LATENCY_LINES = 20_000
const STORE_BYTES = 1024 ** 3
const LONGEST_MS = number('seconds', 240) * 1000
const MEASURED_MS = 10_000

// Each SIGUSR2 prints that many numbered lines, as fast as they are taken.
const FLOOD = `
const fs = require('node:fs')
const pad = 'x'.repeat(80)
let from = 0
const print = (text) => { for (let b = Buffer.from(text), o = 0; o < b.length;) o += fs.writeSync(1, b, o) }
process.on('SIGUSR2', () => {
  for (const end = from + ${LINES}; from < end;) {
    let text = ''
    for (let n = 0; n < 500; n++) text += 'line ' + String(from++).padStart(9, '0') + ' ' + pad + '\\n'
    print(text)
  }
})
print('waiting\\n')
setInterval(() => {}, 1e6)`
// 50 lines a second, each with the time when it was printed.
const TICK = `setInterval(() => process.stdout.write('at ' + (performance.timeOrigin + performance.now()) + '\\n'), 20)`

const SERVER = `require('http').createServer((q, r) => r.end('calm')).listen(process.env.PORT)`

const stops = []
const isLate = () => pause(LONGEST_MS).then(() => 'late')

async function throughput(platform) {
  await platform.scale('flood', 1)
  const [container] = await platform.dynos('flood')
  const url = await session(platform, 'bench', { tail: true, lines: 0, type: 'flood', source: 'app' })
  const rows = { plain: [], ours: [] }
  for (let round = 0; round < ROUNDS; round++) {
    const plain = counter(round * LINES, LINES)
    const ours = counter(round * LINES, LINES)
    const follower = spawn('docker', ['logs', '-f', '--tail', '0', container.Id], { stdio: ['ignore', 'pipe', 'ignore'] })
    follower.stdout.on('data', plain.add)
    const tail = openTail(url, ours.add)
    await pause(2000)
    await docker.getContainer(container.Id).kill({ signal: 'SIGUSR2' })
    const isOver = Promise.all([plain.done, ours.done])
    if ((await Promise.race([isOver, isLate()])) === 'late') {
      console.log('not all lines came in time', plain.result(), ours.result())
      console.log((await (await fetch(await session(platform, 'bench', { lines: 20 }))).text()).slice(-3000))
    }
    follower.kill()
    tail.close()
    rows.plain.push(plain.result())
    rows.ours.push(ours.result())
  }
  for (const [name, all] of Object.entries({ 'docker logs -f': rows.plain, 'collected, stored, delivered': rows.ours }))
    console.log(`${name.padEnd(32)}${all.map(({ rate, lost, doubled }) => `${Math.round(rate)} lines/s, ${lost} lost, ${doubled} double`).join(' · ')}`) // prettier-ignore
  const best = (all) => percentile(all.map(({ rate }) => rate), 0.5) // prettier-ignore
  ratio(`of the plain follower's rate, ${LINES} lines (bar: 0.80)`, best(rows.ours) / best(rows.plain))
  await platform.scale('flood', 0)
}

async function latency(platform) {
  await platform.scale('tick', QUIET_CONTAINERS)
  const late = []
  const url = await session(platform, 'bench', { tail: true, lines: 0, type: 'tick', source: 'app' })
  const done = new Promise((resolve) => {
    const tail = openTail(url, (bytes) => {
      const now = performance.timeOrigin + performance.now()
      for (const [, at] of String(bytes).matchAll(/: at (\d+\.\d+)/g)) late.push(now - Number(at))
      if (late.length >= LATENCY_LINES) resolve(tail.close())
    })
  })
  await Promise.race([done, isLate()])
  const kept = late.slice(2000)
  row(`printed → seen by a tail, ${QUIET_CONTAINERS} containers, 1,000 lines/s: p50 (bar: 50)`, percentile(kept, 0.5))
  row('  p99 (bar: 250)', percentile(kept, 0.99))
  row('  longest', Math.max(...kept))
  await platform.scale('tick', 0)
}

/** Lines of another app, requests and API calls, while nothing else happens and while one process prints as fast as it can. */
async function flood(platform) {
  const files = { Procfile: 'web: node server.cjs\ntick: exec node tick.cjs\n', 'tick.cjs': TICK, 'server.cjs': SERVER }
  const app = await prepareApp(platform, 'calm', files)
  await (
    await app.commit('one')
  )()
  await platform.scale('tick', 1, 'calm')
  await platform.scale('flood', 1)
  const calm = await measured(platform)
  const [{ Id }] = await platform.dynos('flood')
  await docker.getContainer(Id).kill({ signal: 'SIGUSR2' })
  await pause(1000)
  const during = await measured(platform)
  for (const what of Object.keys(calm))
    for (const [name, share] of [['p50', 0.5], ['p99', 0.99]]) {
      row(`${what}, ${name}: alone`, percentile(calm[what], share))
      row('  beside a flood', percentile(during[what], share))
    } // prettier-ignore
  for (const type of ['flood', 'tick', 'web']) await platform.scale(type, 0, type === 'flood' ? 'bench' : 'calm')
}

async function measured(platform) {
  const found = { 'another app’s line printed → seen': [], 'a request to another app': [], 'an API call': [] }
  const [lines, requests, calls] = Object.values(found)
  const url = await session(platform, 'calm', { tail: true, lines: 0, type: 'tick', source: 'app' })
  const tail = openTail(url, (bytes) => {
    const now = performance.timeOrigin + performance.now()
    for (const [, at] of String(bytes).matchAll(/: at (\d+\.\d+)/g)) lines.push(now - Number(at))
  })
  const until = performance.now() + MEASURED_MS
  const again = async (all, work) => {
    while (performance.now() < until) {
      const started = performance.now()
      await work()
      all.push(performance.now() - started)
      await pause(20)
    }
  }
  const request = () => get({ port: platform.port, headers: { host: 'calm.localhost' }, timeout: 30_000 })
  await Promise.all([again(requests, request), again(calls, () => platform.call('GET', '/apps/calm'))])
  tail.close()
  return found
}

/** A store as months would leave it, written in the format of server/logs/segment.ts. */
function fillStore(folder) {
  mkdirSync(folder, { recursive: true })
  let id = 1_000_000
  for (let bytes = 0; bytes < STORE_BYTES;) {
    let text = '#\t{"cursors":{}}\n'
    const first = id
    while (text.length < 8 * 1024 ** 2)
      text += `${id++}\t2026-01-01T00:00:00.000000+00:00\tapp\tweb.1\t7\t-\tline ${id} ${'x'.repeat(80)}\n`
    writeFileSync(join(folder, `${String(first).padStart(12, '0')}.log`), text, { mode: 0o600 })
    bytes += text.length
  }
}

async function read() {
  const before = await start()
  const { id } = await before.call('POST', '/apps', { name: 'big' })
  await stops.pop()()
  fillStore(join(before.home, 'logs', id))
  const platform = await start()
  const once = async () => {
    const started = performance.now()
    const url = await session(platform, 'big', { lines: 1500 })
    const text = await (await fetch(url, { headers: { accept: 'text/event-stream' } })).text()
    if (text.match(/^data: /gm).length !== 1500) throw new Error('not 1500 lines')
    return performance.now() - started
  }
  const first = await once()
  const all = []
  for (let n = 0; n < 20; n++) all.push(await once())
  row('logs -n 1500 out of 1 GiB: session and lines, p50 (bar: 50)', percentile(all, 0.5))
  row('  the first after a start', first)
  await stops.pop()()
}

/** The platform with what the parts need: an app `bench` with the types `flood` and `tick`, as many of each as asked. */
async function start() {
  const platform = await startPlatform({ DOZEN_LOG_LIMIT: '4GiB', DOZEN_STOP_TIMEOUT: '1s' })
  stops.push(platform.stop)
  const dynos = (type) =>
    docker.listContainers({ filters: { label: [`dozen.instance=${INSTANCE}`, 'dozen.role=dyno', `dozen.type=${type}`] } })
  return {
    ...platform,
    dynos,
    async scale(type, quantity, app = 'bench') {
      await platform.call('PATCH', `/apps/${app}/formation/${type}`, { quantity })
      while ((await dynos(type)).length !== quantity) await pause(200)
      await pause(3000)
    },
  }
}

async function withApp() {
  const platform = await start()
  const files = { Procfile: 'flood: exec node flood.cjs\ntick: exec node tick.cjs\n', 'flood.cjs': FLOOD, 'tick.cjs': TICK }
  const app = await prepareApp(platform, 'bench', files)
  await (
    await app.commit('one')
  )()
  if (wanted.includes('throughput')) await throughput(platform)
  if (wanted.includes('latency')) await latency(platform)
  if (wanted.includes('flood')) await flood(platform)
  await stops.pop()()
}

const quiet = () =>
  new Promise((resolve) => {
    const program = fileURLToPath(new URL('./quiet.mjs', import.meta.url))
    spawn(process.execPath, [program], { stdio: 'inherit' }).once('exit', resolve)
  })

async function clear() {
  for (const stop of stops.splice(0)) await stop()
  await cleanUp()
}
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void clear().finally(() => process.exit(1)))

try {
  if (['throughput', 'latency', 'flood'].some((part) => wanted.includes(part))) await withApp()
  if (wanted.includes('read')) await read()
} finally {
  await clear()
}
if (wanted.includes('quiet')) await quiet()
process.exit(0)
