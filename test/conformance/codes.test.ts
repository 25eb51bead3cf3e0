import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CODES } from '../../router/codes.ts'
import { call, until, Wire } from '../../router/testing.ts'
import type { RouteApp } from '../../server/api/wire.ts'

/** Every code of the contract, in the real program: one app per code, all in one table, visited at the same time. */
let base: string
let router: ChildProcess
let port: number
const servers: Server[] = []
const sockets: Socket[] = []
const frozen: ChildProcess[] = []

beforeAll(async () => {
  base = mkdtempSync(join(process.cwd(), 'node_modules', '.codes-test-'))
  await build({
    entryPoints: ['router/main.ts'], bundle: true, splitting: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external',
    outdir: base, outExtension: { '.js': '.mjs' }, logLevel: 'error',
  }) // prettier-ignore
  const settings = { DOZEN_HOME: mkdtempSync(join(tmpdir(), 'dozen-codes-')), DOZEN_HTTP_HOST: '127.0.0.1', DOZEN_HTTP_PORT: '0', DOZEN_HTTPS_PORT: '0', DOZEN_ROUTER_WORKERS: '2' } // prettier-ignore
  home = settings.DOZEN_HOME
  router = spawn(process.execPath, [join(base, 'main.mjs')], { env: { PATH: process.env.PATH, ...settings }, stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
  const [line] = (await once(router.stdout!, 'data')) as [Buffer]
  port = (JSON.parse(String(line)) as { http: { port: number } }).http.port
})
afterAll(async () => {
  for (const one of [router, ...frozen]) one.kill('SIGKILL')
  await once(router, 'exit')
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
  for (const folder of [base, home]) rmSync(folder, { recursive: true, force: true })
})
let home: string

/** An app that does this with each connection once it has read something. */
async function app(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.once('data', () => answer(socket))
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Listens, and will not accept: its process is stopped and its queue is full. */
async function unaccepting(): Promise<string> {
  const program = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  frozen.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGSTOP')
  for (let i = 0; i < 8; i += 1) sockets.push(connect(Number(line), '127.0.0.1').on('error', () => {}))
  return `127.0.0.1:${Number(line)}`
}

async function refusing(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  server.close()
  return address
}

const silent = () => {}
const serving = async (address: Promise<string>, rules: RouteApp['rules'] = {}) =>
  ({ state: 'serving', targets: [{ dyno: 'web.1', address: await address }], rules }) satisfies Partial<RouteApp>

async function apps(): Promise<Record<string, Partial<RouteApp>>> {
  return {
    H10: { state: 'crashed' },
    H11: { state: 'starting', rules: { waiting: 0 } },
    H12: await serving(app(silent), { firstByteMs: 1_000 }),
    H13: await serving(app((socket) => socket.end())),
    H14: { state: 'stopped' },
    H15: await serving(
      app((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none')),
      { idleMs: 1_000 },
    ),
    H17: await serving(app((socket) => socket.end('Hello, this is no HTTP\r\n\r\n'))),
    H18: await serving(app((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none'))),
    H19: await serving(unaccepting()),
    H20: { state: 'starting', rules: { bootWaitMs: 1_000 } },
    H21: await serving(refusing()),
    H22: await serving(app(silent), { connections: 0 }),
    H27: await serving(app(silent)),
    H28: await serving(app(silent), { idleMs: 1_000 }),
    H80: { state: 'serving', maintenance: true },
    H81: { state: 'blank' },
    H99: { state: 'asleep' },
  }
}

/** One visit; the connection's text once it has ended, or once there is an answer. */
async function visit(code: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  const wire = new Wire(socket)
  const head = `${code === 'H28' ? 'POST' : 'GET'} /x?y=1 HTTP/1.1\r\nHost: ${code.toLowerCase()}.test\r\nX-Request-Id: 01234567890123456789\r\n`
  wire.send(`${head}${code === 'H28' ? 'Content-Length: 9\r\n\r\nabc' : 'Connection: close\r\n\r\n'}`)
  if (code === 'H27') {
    await until(async () => Object.values((JSON.parse((await control('GET', '/status')).body) as { inflight: object }).inflight).some((count) => count > 0)) // prettier-ignore
    socket.resetAndDestroy()
    return ''
  }
  return until(() => wire.isEnded && wire.text, 30_000)
}

const control = (method: string, path: string, body?: unknown) =>
  call({ socketPath: join(home, 'router/control.sock'), method, path }, body === undefined ? undefined : JSON.stringify(body))

const lines = () => {
  const folder = join(home, 'router/requests')
  return readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1))
}

it('every code has its page, its status and its line', { timeout: 60_000 }, async () => {
  const all = await apps()
  expect(Object.keys(all).toSorted()).toEqual(Object.keys(CODES).toSorted())
  const table = Object.entries(all).map(([code, one]) => ({ id: code, name: code.toLowerCase(), hosts: [`${code.toLowerCase()}.test`], maintenance: false, targets: [], ...one })) // prettier-ignore
  expect((await control('PUT', '/table', { version: 1, apps: table })).status).toBe(200)
  const codes = Object.keys(CODES) as (keyof typeof CODES)[]
  const answers = Object.fromEntries(await Promise.all(codes.map(async (code) => [code, await visit(code)] as const)))
  await until(() => lines().length === codes.length, 10_000)
  for (const code of codes) {
    const line = lines().find((one) => one.startsWith(`${code} `))!
    const status = { H15: 200, H18: 200, H27: 499 }[code as string] ?? 503
    const at = code === 'H80' ? 'info' : 'error'
    expect(line).toMatch(new RegExp(`^${code} \\d{16} at=${at} code=${code} desc="${CODES[code].desc}" method=(GET|POST) path="/x\\?y=1" host=${code.toLowerCase()}\\.test request_id=01234567890123456789 fwd="127\\.0\\.0\\.1" dyno=(web\\.1)? connect=(\\d+ms)? service=(\\d+ms)? status=${status} bytes=\\d+ protocol=http1\\.1 tls=false$`)) // prettier-ignore
    if (status === 503)
      expect(answers[code]).toMatch(new RegExp(`^HTTP/1\\.1 503 [^]*text/html[^]*${code}[^]*01234567890123456789`))
  }
})

it('limits are one for all processes of the router', { timeout: 60_000 }, async () => {
  const hello = await app((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const hangs = await app(silent)
  const one = (id: string, address: string, rules: RouteApp['rules']) => ({ id, name: id, hosts: [`${id}.test`], state: 'serving', maintenance: false, targets: [{ dyno: 'web.1', address }], rules }) // prettier-ignore
  const table = [one('rate', hello, { rate: { count: 20, perMs: 3_600_000 } }), one('full', hangs, { connections: 3, firstByteMs: 4_000 })] // prettier-ignore
  expect((await control('PUT', '/table', { version: 2, apps: table })).status).toBe(200)
  const statuses = async (host: string, count: number) =>
    Promise.all(Array.from({ length: count }, async () => (await call({ host: '127.0.0.1', port, agent: false, headers: { host } })).status)) // prettier-ignore
  const rated = await statuses('rate.test', 60)
  expect(rated.filter((status) => status === 200)).toHaveLength(20)
  expect(rated.filter((status) => status === 429)).toHaveLength(40)
  await statuses('full.test', 12)
  await until(() => lines().filter((line) => line.startsWith('full ')).length === 12)
  expect(lines().filter((line) => line.includes('code=H22') && line.startsWith('full '))).toHaveLength(9)
})
