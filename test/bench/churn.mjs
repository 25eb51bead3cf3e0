// Deploys, config changes, rollbacks and scales in turn under constant load: kept connections, new ones, and a download that takes ten seconds. No request may fail.
// npm run bench churn [operations]
import http from 'node:http'
import { cleanUp, median, pause, prepareApp, startPlatform } from './support/platform.mjs'

const OPERATIONS = Number(process.argv[2] ?? 100)
const APP = 'bench'
const CHUNKS = 100
const CHUNK = 'x'.repeat(1000)

const program = (version) => `import http from 'node:http'
const slow = (res, left) => (left === 0 ? res.end() : (res.write('${CHUNK}'), setTimeout(slow, 100, res, left - 1)))
const server = http.createServer((req, res) => {
  if (req.url !== '/slow') return res.end('${version}')
  res.setHeader('content-length', ${CHUNKS * CHUNK.length})
  slow(res, ${CHUNKS})
})
server.listen(process.env.PORT)
process.on('SIGTERM', () => server.close(() => process.exit(0)))
`

const platform = await startPlatform({ DOZEN_WATCH_WINDOW: '0', DOZEN_KEEP_RELEASES: '200' })
const load = { ok: 0, downloads: 0, failed: [], longestMs: 0, isOver: false }

/** One request to its end; rejects unless it is a whole 200. */
function ask(path, agent) {
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ host: '127.0.0.1', port: platform.port, path, agent, headers: { host: `${APP}.localhost` }, timeout: 60_000 }, (answer) => {
      let bytes = 0
      answer.on('data', (chunk) => (bytes += chunk.length)).on('error', reject)
      answer.on('end', () => (answer.statusCode === 200 && answer.complete ? resolve(bytes) : reject(new Error(`status ${answer.statusCode}, ${bytes} bytes`))))
    }) // prettier-ignore
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 60 s'))).on('error', reject)
  })
}

async function client(kind, path, agent, pauseMs) {
  while (!load.isOver) {
    const from = performance.now()
    try {
      await ask(path, agent)
      if (path === '/slow') load.downloads += 1
      else load.ok += 1
    } catch (cause) {
      load.failed.push(`${kind}: ${cause.message}`)
    }
    if (path !== '/slow') load.longestMs = Math.max(load.longestMs, performance.now() - from)
    await pause(pauseMs)
  }
}

const kept = new http.Agent({ keepAlive: true })
const clients = () => [
  ...Array.from({ length: 4 }, () => client('kept connection', '/', kept, 10)),
  ...Array.from({ length: 2 }, () => client('new connection', '/', false, 10)),
  client('download', '/slow', false, 0),
]

/** Until the release that `made` is serves; throws when it failed. */
async function serving(made) {
  for (;;) {
    const release = await platform.call('GET', `/apps/${APP}/releases/${made.version}`)
    if (release.status === 'succeeded') return
    if (release.status !== 'pending') throw new Error(`v${release.version} ${release.status}: ${release.reason}`)
    await pause(25)
  }
}

const newest = async () => (await platform.call('GET', `/apps/${APP}/releases`)).at(-1)
async function scaled(quantity) {
  await platform.call('PATCH', `/apps/${APP}/formation/web`, { quantity })
  const up = async () => (await platform.call('GET', `/apps/${APP}/dynos`)).filter(({ state }) => state === 'up').length
  while ((await up()) < quantity) await pause(50)
}

try {
  const app = await prepareApp(platform, APP, { Procfile: 'web: node web.js\n', 'web.js': program('0') })
  await (
    await app.commit('0')
  )()
  await (
    await app.commit('00', { 'web.js': program('00') })
  )()
  const acts = {
    deploy: async (n) => (await app.commit(`${n}`, { 'web.js': program(n) }))(),
    'config change': async (n) => {
      await platform.call('PATCH', `/apps/${APP}/config-vars`, { N: `${n}` })
      await serving(await newest())
    },
    rollback: async () => serving(await platform.call('POST', `/apps/${APP}/releases`, { release: 'previous' })),
    scale: (n) => scaled(1 + (n % 3)),
  }
  const running = clients()
  const took = Object.fromEntries(Object.keys(acts).map((name) => [name, []]))
  for (let n = 1; n <= OPERATIONS; n++) {
    const name = Object.keys(acts)[n % 4]
    const from = performance.now()
    await acts[name](n)
    took[name].push(performance.now() - from)
  }
  const upAndDown = performance.now()
  await scaled(20)
  const upMs = performance.now() - upAndDown
  await platform.call('PATCH', `/apps/${APP}/formation/web`, { quantity: 1 })
  while ((await platform.call('GET', `/apps/${APP}/dynos`)).length > 1) await pause(100)
  load.isOver = true
  await Promise.all(running)
  for (const [name, all] of Object.entries(took)) console.log(`${name.padEnd(16)}${String(all.length).padStart(5)} times${Math.round(median(all)).toString().padStart(8)} ms (median)`) // prettier-ignore
  console.log(`${'web=20 and back'.padEnd(16)}${'1'.padStart(5)} time ${Math.round(upMs).toString().padStart(8)} ms up`)
  console.log(`${load.ok} requests answered, longest ${Math.round(load.longestMs)} ms; ${load.downloads} downloads of 10 s; ${load.failed.length} failed (bar: 0)`) // prettier-ignore
  for (const failure of load.failed.slice(0, 20)) console.log(`  ${failure}`)
  process.exitCode = load.failed.length > 0 ? 1 : 0
} finally {
  load.isOver = true
  await platform.stop()
  await cleanUp()
}
