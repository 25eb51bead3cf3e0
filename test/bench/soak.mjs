// An hour's worth of churn in a minute: clients that leave, stall, lie and flood, apps that do the same, tables that change ten times a second.
// The router's memory and descriptors afterwards are what they were after the warm-up: npm run bench soak [seconds]
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import http2 from 'node:http2'
import { connect, createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as tlsConnect } from 'node:tls'
import { familyOf, memory } from './support/processes.mjs'
import { startRouter } from './support/router.mjs'

const SECONDS = Number(process.argv[2] ?? 60)
const LANES = 12
/** Growth between the median of the second and of the last third that is no leak: heaps breathe. */
const BAR_MB = 16
const GET = 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: shop.localhost\r\n'
const done = {}

process.on('uncaughtException', (error) => {
  if (!/ECONNRESET|EPIPE|ERR_HTTP2/.test(`${error.code}`)) throw error
})

async function listening(server) {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  return `127.0.0.1:${server.address().port}`
}

/** One that works, and one that does not. */
const good = await listening(createServer((req, res) => req.resume().on('end', () => res.end('hello'.repeat(400)))))
const LIES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nshort', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nlonger', 'SSH-2.0-x\r\n', '',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'HTTP/1.1 103 A\r\n\r\n'.repeat(40), `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(60_000)}`,
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
] // prettier-ignore
let lie = 0
const bad = await listening(
  createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(LIES[lie++ % LIES.length], () => setTimeout(() => socket.destroy(), 20)))
  }),
)
const router = await startRouter({ shop: [good, bad] })

/** Says `bytes`, waits for an answer or a while, leaves as told. */
const raw = (bytes, { waitMs = 200, isRude = true } = {}) =>
  new Promise((resolve) => {
    const socket = connect(router.port, '127.0.0.1', () => socket.write(bytes))
    const leave = () => (isRude ? socket.resetAndDestroy() : socket.end())
    const timer = setTimeout(leave, waitMs)
    socket.once('data', leave)
    socket.on('error', () => {}).on('close', () => (clearTimeout(timer), resolve()))
  })

const random = () => Math.random().toString(36).slice(2)
const CHURN = {
  get: () => raw(`${GET}\r\n`, { isRude: false }),
  left: () => raw(`${GET}\r\n`, { waitMs: 0 }),
  pipelined: () => raw(`${GET}\r\n`.repeat(20)),
  halfHead: () => raw(GET, { waitMs: 50 }),
  halfBody: () => raw(`${POST}Content-Length: 100000\r\n\r\nabc`, { waitMs: 50 }),
  chunked: () => raw(`${POST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n`),
  broken: () => raw(`${GET}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`),
  flood: () => raw(`${GET}${'A: b\r\n'.repeat(2_000)}\r\n`),
  host: () => raw(`GET /${random()} HTTP/1.1\r\nHost: ${random()}.localhost\r\n\r\n`),
  socket: () => raw(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`),
  slowReader: () =>
    new Promise((resolve) => {
      const socket = connect(router.port, '127.0.0.1', () => socket.pause().write(`${GET}\r\n`.repeat(400)))
      setTimeout(() => socket.resetAndDestroy(), 100)
      socket.on('error', () => {}).on('close', resolve)
    }),
  handshake: () =>
    new Promise((resolve) => {
      const socket = tlsConnect({ port: router.tlsPort, host: '127.0.0.1', servername: `${random()}.test`, rejectUnauthorized: false }, () => socket.destroy()) // prettier-ignore
      socket.on('error', () => {}).on('close', resolve)
    }),
  http2: () =>
    new Promise((resolve) => {
      const session = http2.connect(`https://127.0.0.1:${router.tlsPort}`, { rejectUnauthorized: false })
      session.on('error', () => {}).on('close', resolve)
      for (let i = 0; i < 8; i += 1) {
        const stream = session.request({ ':path': '/', ':authority': 'shop.localhost' })
        stream.on('error', () => {}).resume()
        if (i % 2) setImmediate(() => stream.close(8))
      }
      setTimeout(() => session.destroy(), 60)
    }),
}

let isOver = false
async function lane(i) {
  const names = Object.keys(CHURN)
  for (let n = i; !isOver; n += 1) {
    const name = names[n % names.length]
    await CHURN[name]()
    done[name] = (done[name] ?? 0) + 1
  }
}

/** The table changes all the time; the controller, which reads the spool, is played by who empties it. */
async function change() {
  for (let n = 0; !isOver; n += 1) {
    const others = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`app${n % 100}-${i}`, [`127.0.0.${(n % 200) + 2}:9`]]),
    )
    await router.route({ shop: n % 10 === 9 ? [good] : [good, bad], ...others })
    await router.counts()
    const files = readdirSync(router.spool).sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
    for (const file of files.slice(0, -1)) rmSync(`${router.spool}/${file}`, { force: true })
    await sleep(100)
  }
}

const family = () => familyOf(router.child.pid)
const used = () => family().reduce((sum, pid) => sum + memory(pid).own, 0) / 1e6
const descriptors = () => family().reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0)
const median = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]

let isFlat = false
try {
  const atStart = { mb: used(), fds: descriptors() }
  const lanes = [...Array.from({ length: LANES }, (_, i) => lane(i)), change()]
  const samples = []
  for (let second = 0; second < SECONDS; second += 1) {
    await sleep(1000)
    samples.push({ mb: used(), fds: descriptors() })
  }
  isOver = true
  await Promise.all(lanes)
  for (let i = 0; i < 100 && descriptors() > atStart.fds + 15; i += 1) await sleep(200)
  const third = (n) =>
    median(samples.slice(Math.floor((n * SECONDS) / 3), Math.ceil(((n + 1) * SECONDS) / 3)).map(({ mb }) => mb))
  const { apps, inflight, connections } = await router.counts()
  console.log(`${SECONDS} s: ${Object.entries(done).map(([name, count]) => `${name} ${count}`).join(' · ')}`) // prettier-ignore
  console.log(`H codes of the app: ${JSON.stringify(apps.shop.codes)}; requests ${JSON.stringify(apps.shop.requests)}; apps counted ${Object.keys(apps).length}`) // prettier-ignore
  console.log(`memory of its own, MB: start ${atStart.mb.toFixed(1)} · thirds ${[0, 1, 2].map((n) => third(n).toFixed(1)).join(' ')} (bar: +${BAR_MB} from the second to the last)`) // prettier-ignore
  console.log(`descriptors: start ${atStart.fds} · most ${Math.max(...samples.map(({ fds }) => fds))} · end ${descriptors()}; in flight at the end ${JSON.stringify(inflight)}, connections ${connections}`) // prettier-ignore
  isFlat = third(2) - third(1) <= BAR_MB && descriptors() <= atStart.fds + 40 && Object.keys(inflight).length === 0
  console.log(isFlat ? 'flat' : 'not flat')
} finally {
  await router.stop()
}
process.exit(isFlat ? 0 : 1)
