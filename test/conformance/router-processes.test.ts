import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { call, until } from '../../router/testing.ts'
import type { RouterStatus } from '../../server/api/wire.ts'

/** The real program, built as `scripts/build.mjs` builds it, with its workers, seen from outside. */
let program: string
let dist: string
beforeAll(async () => {
  dist = mkdtempSync(join(process.cwd(), 'node_modules', '.router-test-'))
  await build({
    entryPoints: ['router/main.ts'], bundle: true, splitting: true, platform: 'node', target: 'node20', format: 'esm', packages: 'external',
    outdir: dist, outExtension: { '.js': '.mjs' }, logLevel: 'error',
  }) // prettier-ignore
  program = join(dist, 'main.mjs')
})
afterAll(() => rmSync(dist, { recursive: true, force: true }))

type Ready = { ready: true; http: { port: number }; https: { port: number } }
type Process = { child: ChildProcess; ready: Ready; exited: Promise<number | null> }

let home: string
let started: Process[]
let apps: Server[]
let version: number
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dozen-router-'))
  started = []
  apps = []
  version = 0
})
afterEach(async () => {
  for (const { child, exited } of started) {
    child.kill('SIGKILL')
    await exited
  }
  for (const app of apps) app.closeAllConnections()
  for (const app of apps) app.close()
  rmSync(home, { recursive: true, force: true })
})

async function start(env: Record<string, string> = {}): Promise<Process> {
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env.PATH,
      DOZEN_HOME: home,
      DOZEN_HTTP_HOST: '127.0.0.1',
      DOZEN_HTTP_PORT: '0',
      DOZEN_HTTPS_PORT: '0',
      DOZEN_ROUTER_WORKERS: '2',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let errors = ''
  child.stdout!.on('data', (chunk) => (out += chunk))
  child.stderr!.on('data', (chunk) => (errors += chunk))
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const line = await until(() => out.includes('\n') || child.exitCode !== null)
    .then(() => out)
    .catch(() => '')
  if (line === '') throw new Error(errors)
  const it = { child, exited, ready: JSON.parse(line) as Ready }
  started.push(it)
  return it
}

async function app(text: string): Promise<string> {
  const server = createServer((req, res) => (req.url === '/slow' ? setTimeout(() => res.end(text), 500) : res.end(text)))
  apps.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const control = (method: string, path: string, body?: unknown) =>
  call({ socketPath: join(home, 'router/control.sock'), method, path }, body === undefined ? undefined : JSON.stringify(body))

async function route(...addresses: string[]): Promise<void> {
  const targets = addresses.map((address, i) => ({ dyno: `web.${i + 1}`, address }))
  const table = {
    version: (version += 1),
    apps: [{ id: 'a1', name: 'shop', hosts: ['shop.localhost'], state: 'serving', maintenance: false, targets }],
  }
  expect(await control('PUT', '/table', table)).toMatchObject({ status: 200, body: `{"version":${version}}` })
}

const get = (port: number, path = '/') =>
  call({ host: '127.0.0.1', port, path, agent: false, headers: { host: 'shop.localhost' } })

describe('the router process', () => {
  it('acknowledges a table only when every worker serves it', async () => {
    const { ready } = await start()
    for (let i = 0; i < 5; i += 1) {
      await route(await app(`v${i}`))
      const bodies = await Promise.all(Array.from({ length: 20 }, async () => (await get(ready.http.port)).body))
      expect(new Set(bodies)).toEqual(new Set([`v${i}`]))
    }
  })

  it('counts requests in flight and windows over all workers', async () => {
    const { ready } = await start()
    const address = await app('slow')
    await route(address)
    await control('PUT', '/windows/w1', { app: 'a1' })
    const running = Array.from({ length: 12 }, () => get(ready.http.port, '/slow'))
    await until(async () => (JSON.parse((await control('GET', '/status')).body) as RouterStatus).inflight[address] === 12)
    await Promise.all(running)
    expect(JSON.parse((await control('DELETE', '/windows/w1')).body)).toMatchObject({ served: 12, failed: 0, cut: 0 })
    await until(() => spool().length === 12)
  })

  it('serves from disk after a kill -9, on the same port when that is fixed, in under a second', async () => {
    const first = await start()
    await route(await app('hello'))
    first.child.kill('SIGKILL')
    await first.exited
    const second = await start({
      DOZEN_HTTP_PORT: String(first.ready.http.port),
      DOZEN_HTTPS_PORT: String(first.ready.https.port),
    })
    expect((await get(second.ready.http.port)).body).toBe('hello')
  })

  it('replaces a worker that dies, with the newest table', async () => {
    const { child, ready } = await start()
    await route(await app('hello'))
    const worker = childrenOf(child.pid!)[0]!
    process.kill(worker, 'SIGKILL')
    await until(() => childrenOf(child.pid!).some((pid) => pid !== worker))
    for (let i = 0; i < 20; i += 1) expect((await get(ready.http.port)).body).toBe('hello')
    await route(await app('new'))
    for (let i = 0; i < 20; i += 1) expect((await get(ready.http.port)).body).toBe('new')
  })

  it('answers or refuses every connection that comes while a worker starts: none is left waiting', async () => {
    const { child, ready } = await start()
    await route(await app('hello'))
    let isOver = false
    let waiting = 0
    let answered = 0
    const client = async () => {
      while (!isOver) {
        waiting += 1
        await get(ready.http.port).then(() => (answered += 1), () => {}) // prettier-ignore
        waiting -= 1
      }
    }
    for (let i = 0; i < 8; i += 1) void client()
    for (let round = 0; round < 4; round += 1) {
      const worker = childrenOf(child.pid!)[0]!
      process.kill(worker, 'SIGKILL')
      await until(() => childrenOf(child.pid!).some((pid) => pid !== worker))
      await control('GET', '/status') // every worker answers
      const from = answered
      await until(() => answered > from + 100)
    }
    isOver = true
    await until(() => waiting === 0)
  })

  it('hands its ports to a successor without failing a request', async () => {
    const first = await start()
    await route(await app('hello'))
    const slow = get(first.ready.http.port, '/slow')
    await until(async () => Object.values((JSON.parse((await control('GET', '/status')).body) as RouterStatus).inflight)[0] === 1)
    const second = await start()
    expect(second.ready.http.port).toBe(first.ready.http.port)
    expect((await get(second.ready.http.port)).body).toBe('hello')
    expect((await slow).body).toBe('hello')
    expect(await first.exited).toBe(0)
  })

  it('ends on SIGTERM with the requests in flight answered', async () => {
    const { child, ready, exited } = await start()
    await route(await app('hello'))
    const slow = Array.from({ length: 6 }, () => get(ready.http.port, '/slow'))
    await until(async () => Object.values((JSON.parse((await control('GET', '/status')).body) as RouterStatus).inflight)[0] === 6)
    child.kill('SIGTERM')
    expect((await Promise.all(slow)).map(({ body }) => body)).toEqual(Array(6).fill('hello'))
    expect(await exited).toBe(0)
    expect(spool()).toHaveLength(6)
  })

  it('says in one sentence which setting moves it from a taken port', async () => {
    const port = (await app('foreign')).split(':')[1]!
    await expect(start({ DOZEN_HTTP_PORT: port })).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken by another program. Free it, or choose another one with DOZEN_HTTP_PORT.\n`,
    )
  })
})

describe('TLS', () => {
  it('speaks HTTP/2 and HTTP/1.1 with the fallback certificate', async () => {
    const { ready } = await start()
    await route(await app('hello'))
    expect(await h2Get(ready.https.port, '/')).toEqual({ status: 200, body: 'hello' })
    const socket = tlsConnect({
      port: ready.https.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      servername: 'shop.localhost',
    })
    socket.write('GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n')
    let text = ''
    let protocol: string | null = null
    socket.on('secureConnect', () => (protocol = socket.getProtocol()))
    socket.on('data', (chunk) => (text += chunk))
    await until(() => text.includes('hello'))
    expect(protocol).toBe('TLSv1.3')
  })
})

describe('under attack', () => {
  const dial = (port: number, text: string) =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connectTcp(port, '127.0.0.1', () => {
        socket.write(text)
        resolve(socket)
      })
      socket.on('error', reject)
      opened.push(socket)
    })
  let opened: Socket[] = []
  beforeEach(() => {
    opened = []
  })
  afterEach(() => {
    for (const socket of opened) socket.destroy()
  })
  const residentBytes = (pid: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

  it('answers others while 1,500 clients send their heads, or bodies, a byte at a time', async () => {
    const { ready } = await start({ DOZEN_ROUTER_WORKERS: '1' })
    await route(await app('hello'))
    for (let i = 0; i < 750; i += 1) {
      await dial(ready.http.port, 'GET / HTTP/1.1\r\nHost: shop.local')
      await dial(ready.http.port, 'POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 1000\r\n\r\n')
    }
    const drip = setInterval(() => opened.forEach((socket) => socket.write('h')), 100)
    for (let i = 0; i < 30; i += 1) expect((await get(ready.http.port)).body).toBe('hello')
    clearInterval(drip)
  })

  it('holds no more than buffers for 200 clients that ask for 16 MiB and read nothing', async () => {
    const { child, ready } = await start({ DOZEN_ROUTER_WORKERS: '1' })
    const big = createServer((_req, res) => res.end(Buffer.alloc(16 * 1024 * 1024)))
    apps.push(big)
    await new Promise<void>((resolve) => big.listen(0, '127.0.0.1', resolve))
    const address = `127.0.0.1:${(big.address() as AddressInfo).port}`
    await route(address)
    for (let i = 0; i < 200; i += 1) (await dial(ready.http.port, 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')).pause()
    await until(async () => (JSON.parse((await control('GET', '/status')).body) as RouterStatus).inflight[address] === 200)
    await route(await app('hello'))
    for (let i = 0; i < 20; i += 1) expect((await get(ready.http.port)).body).toBe('hello')
    expect(residentBytes(child.pid!)).toBeLessThan(400 * 1024 * 1024)
  })

  it('survives having no file descriptor left, and answers once there are some', async () => {
    const { child, ready } = await start({ DOZEN_ROUTER_WORKERS: '1' })
    await route(await app('hello'))
    spawn('prlimit', ['--pid', String(child.pid), '--nofile=80:80'])
    await until(() => /Max open files\s+80 /.test(readFileSync(`/proc/${child.pid}/limits`, 'utf8')))
    for (let i = 0; i < 120; i += 1) await dial(ready.http.port, 'GET / HTTP/1.1\r\nHost: shop.localhost\r\nX').catch(() => {})
    for (const socket of opened.splice(0)) socket.destroy()
    await until(async () => (await get(ready.http.port).catch(() => undefined))?.body === 'hello')
    expect(child.exitCode).toBeNull()
  })

  it('keeps its memory over 30,000 requests on new connections, half of them cut', async () => {
    const { child, ready } = await start({ DOZEN_ROUTER_WORKERS: '1' })
    await route(await app('hello'))
    const churn = async (count: number) => {
      const lanes = Array.from({ length: 20 }, async () => {
        for (let i = 0; i < count / 40; i += 1) {
          const socket = await dial(ready.http.port, 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')
          socket.destroy()
          opened.length = 0
          await get(ready.http.port)
        }
      })
      await Promise.all(lanes)
    }
    await churn(8_000)
    const before = residentBytes(child.pid!)
    await churn(22_000)
    expect(residentBytes(child.pid!)).toBeLessThan(before + 40 * 1024 * 1024)
    await until(async () => Object.values((JSON.parse((await control('GET', '/status')).body) as RouterStatus).inflight)[0] === 0)
  })
})

async function h2Get(port: number, path: string): Promise<{ status: number; body: string }> {
  const session: ClientHttp2Session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  const stream = session.request({ ':path': path, ':authority': 'shop.localhost' })
  let status = 0
  let body = ''
  stream.on('response', (headers) => (status = headers[':status']!))
  stream.on('data', (chunk) => (body += chunk))
  await new Promise((resolve, reject) => stream.on('end', resolve).on('error', reject))
  session.close()
  return { status, body }
}

function spool(): string[] {
  const folder = join(home, 'router/requests')
  return readdirSync(folder).flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1))
}

/** Linux only, as the rest of this ring. */
const childrenOf = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number) // prettier-ignore
