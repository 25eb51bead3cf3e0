import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type RequestListener, type RequestOptions } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RouteApp, RouterStatus, RouteTable } from '../server/api/wire.ts'
import { writeFallbackCertificate } from './fallback-certificate.ts'
import { startRouter, type Outside, type Router } from './router.ts'
import { LIMITS, type Limits, type RouterSettings } from './settings.ts'

/** No other process. */
export const ALONE: Outside = { makeFallback: writeFallbackCertificate, hire: () => [] }

/** A router on port 0 in a folder of its own, and what its tests need around it. Everything ends with `end()`. */
export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'dozen-router-'))
  readonly #ends: (() => unknown)[] = []
  #version = 0
  router!: Router

  settings(limits: Partial<Limits> = {}): RouterSettings {
    return {
      folder: this.folder,
      httpHost: '127.0.0.1',
      httpPort: 0,
      httpsPort: 0,
      workers: 1,
      isTrusted: () => false,
      limits: { ...LIMITS, ...limits },
    }
  }

  async start(limits: Partial<Limits> = {}, more: Partial<RouterSettings> = {}): Promise<this> {
    this.router = await startRouter({ ...this.settings(limits), ...more }, ALONE)
    this.#ends.push(() => this.router.close())
    return this
  }

  /** An app that answers HTTP on loopback. Returns its address. */
  async app(listener: RequestListener): Promise<string> {
    return this.#listen(createServer(listener))
  }

  /** One on the IPv6 loopback. */
  async app6(listener: RequestListener): Promise<string> {
    return this.#listen(createServer(listener), '::1')
  }

  /** An app that speaks bytes. */
  async tcp(onSocket: (socket: Socket) => void): Promise<string> {
    return this.#listen(createTcpServer((socket) => onSocket(socket.on('error', () => {}))))
  }

  /** An address that refuses connections. */
  async refusing(): Promise<string> {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = addressOf(server)
    server.close()
    return address
  }

  /** Puts apps in force; absent fields are those of a serving app "shop" at shop.localhost. */
  async route(...apps: Partial<RouteApp>[]): Promise<void> {
    const answer = await this.control('PUT', '/table', this.table(...apps))
    if (answer.status !== 200) throw new Error(`PUT /table answered ${answer.status}: ${answer.body}`)
  }

  table(...apps: Partial<RouteApp>[]): RouteTable {
    this.#version += 1
    const plain: RouteApp = {
      id: 'a1',
      name: 'shop',
      hosts: ['shop.localhost'],
      state: 'serving',
      maintenance: false,
      targets: [],
    }
    return { version: this.#version, apps: apps.map((app) => ({ ...plain, ...app })) }
  }

  /** Routes shop.localhost to these addresses: web.1, web.2 … */
  serve(...addresses: string[]): Promise<void> {
    return this.route({ targets: addresses.map((address, i) => ({ dyno: `web.${i + 1}`, address })) })
  }

  control(method: string, path: string, body?: unknown) {
    return call(
      { socketPath: join(this.folder, 'control.sock'), method, path },
      body === undefined ? undefined : JSON.stringify(body),
    )
  }

  async status(): Promise<RouterStatus> {
    return JSON.parse((await this.control('GET', '/status')).body) as RouterStatus
  }

  /** A request to shop.localhost, or to the host of `headers`. */
  get(path = '/', options: RequestOptions = {}, body?: string | Buffer) {
    const { host, port } = this.router.http
    return call({ host, port, path, agent: false, ...options, headers: { host: 'shop.localhost', ...options.headers } }, body)
  }

  /** A raw connection to the router. */
  async dial(): Promise<Wire> {
    const socket = connect(this.router.http.port, '127.0.0.1')
    this.#ends.push(() => socket.destroy())
    await once(socket, 'connect')
    return new Wire(socket)
  }

  /** The records of the spool, oldest first, once there are at least `count`. */
  async lines(count = 1): Promise<string[]> {
    return until(() => {
      const folder = join(this.folder, 'requests')
      const files = readdirSync(folder).sort((a, b) => parseInt(a, 10) - parseInt(b, 10))
      const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1))
      return lines.length >= count ? lines : undefined
    })
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
    rmSync(this.folder, { recursive: true, force: true })
  }

  onEnd(end: () => unknown): void {
    this.#ends.push(end)
  }

  async #listen(server: Server, host = '127.0.0.1'): Promise<string> {
    const sockets = new Set<Socket>()
    server.on('connection', (socket) => sockets.add(socket))
    this.#ends.push(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    server.listen(0, host)
    await once(server, 'listening')
    return addressOf(server, host)
  }
}

const addressOf = (server: Server, host = '127.0.0.1') =>
  `${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`

/** A raw connection that remembers what came. */
export class Wire {
  text = ''
  isEnded = false
  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (this.text += chunk))
    socket.on('error', () => (this.isEnded = true))
    socket.on('end', () => (this.isEnded = true))
    socket.on('close', () => (this.isEnded = true))
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Resolves with everything received once `pattern` is in it. */
  async see(pattern: RegExp | string): Promise<string> {
    return until(() => (typeof pattern === 'string' ? this.text.includes(pattern) : pattern.test(this.text)) && this.text).catch(
      () => {
        throw new Error(`Waited for ${String(pattern)} in ${JSON.stringify(this.text.slice(-2000))}`)
      },
    )
  }

  /** Resolves with everything received once the other side has ended. */
  ended(): Promise<string> {
    return until(() => this.isEnded && (this.text || ' ')).then(() => this.text)
  }
}

export type Answer = { status: number; headers: IncomingMessage['headers']; rawHeaders: string[]; body: string }

/** One request of Node's client, whole. */
export function call(options: RequestOptions, body?: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(options, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const { headers, rawHeaders } = res
        resolve({ status: res.statusCode!, headers, rawHeaders, body: Buffer.concat(chunks).toString() })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** Waits for a fact: `look`'s first truthy value. */
export async function until<T>(
  look: () => T | undefined | false | '' | Promise<T | undefined | false | ''>,
  deadlineMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > deadline) throw new Error('Waited too long.')
    await sleep(2)
  }
}
