import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:https'
import type { ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiCertificate } from '../../server/api/ca.ts'
import { until } from './programs.ts'

/** An answer in place of the authority's own; undefined lets the request through. */
export type Fault = (method: string, path: string) => Answer | undefined
type Answer = { status: number; type?: string; detail?: string; headers?: Record<string, string> }

/** `customers`: key id → HMAC key of those who may have an account; absent = everybody. */
type Start = { httpPort: number; env?: Record<string, string>; customers?: Record<string, string> }

/**
 * Let's Encrypt's own test authority, pebble, as Debian has it. Every name leads to 127.0.0.1, where it asks `httpPort`. In front of it
 * stands a proxy that can answer for it, so that each way of failing can be had.
 */
export class Pebble {
  readonly folder = mkdtempSync(join(tmpdir(), 'dozen-pebble-'))
  readonly ca = join(this.folder, 'ca.pem')
  /** Requests that reached the authority: "POST /order-plz". */
  readonly seen: string[] = []
  fault: Fault = () => undefined
  private children: ChildProcess[] = []
  private proxy: Server | undefined
  private port = 0
  private readonly lastResort = () => this.children.forEach((child) => child.kill('SIGKILL'))

  constructor() {
    process.once('exit', this.lastResort)
  }

  /** The directory's address; the same over restarts. */
  get directory(): string {
    return `https://localhost:${(this.proxy!.address() as AddressInfo).port}/dir`
  }

  /** Opens the address, without an authority behind it. */
  async open(): Promise<void> {
    const { cert, key } = await apiCertificate(this.folder, ['localhost'], new Date())
    writeFileSync(join(this.folder, 'server.pem'), cert)
    writeFileSync(join(this.folder, 'server.key'), key)
    this.proxy = createServer({ cert, key }, (req, res) => {
      const answer = this.fault(req.method!, req.url!)
      if (answer) return void req.resume().on('end', () => refuse(res, answer))
      this.seen.push(`${req.method} ${req.url}`)
      const to = { host: 'localhost', port: this.port, method: req.method, path: req.url, headers: req.headers, ca: cert, rejectUnauthorized: false } // prettier-ignore
      const on = request(to, (got) => got.pipe(res.writeHead(got.statusCode!, got.headers)))
      on.on('error', () => res.destroy())
      req.pipe(on)
    }).listen(0, '127.0.0.1')
    await once(this.proxy, 'listening')
  }

  /** Starts an authority that knows nobody: another CA, no accounts. */
  async start({ httpPort, env = {}, customers }: Start): Promise<void> {
    const [port, management, dns, dnsManagement] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
    this.port = port
    const config = {
      pebble: {
        listenAddress: `127.0.0.1:${port}`, managementListenAddress: `127.0.0.1:${management}`, httpPort, tlsPort: 1,
        certificate: join(this.folder, 'server.pem'), privateKey: join(this.folder, 'server.key'),
        ...(customers && { externalAccountBindingRequired: true, externalAccountMACKeys: customers }),
      },
    } // prettier-ignore
    writeFileSync(join(this.folder, 'pebble.json'), JSON.stringify(config))
    const dnsArgs = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`, '-defaultIPv6', '']
    this.spawn('pebble-challtestsrv', [...dnsArgs, ...['http01', 'https01', 'tlsalpn01'].flatMap((name) => [`-${name}`, ''])])
    const args = ['-config', join(this.folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${dns}`]
    this.spawn('pebble', args, { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', ...env })
    await until(() => this.answers(), 20_000, 'pebble answers')
  }

  private spawn(program: string, args: string[], env: Record<string, string> = {}): void {
    const child = spawn(program, args, { stdio: 'ignore', env: { PATH: process.env.PATH, ...env } })
    child.on('error', (cause) => {
      throw new Error(`${program} cannot be started: \`apt-get install pebble\` has it.`, { cause })
    })
    this.children.push(child)
  }

  private answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const asked = request(this.directory, { ca: readFileSync(this.ca), agent: false }, (got) =>
        resolve(got.resume().statusCode === 200),
      )
      asked.on('error', () => resolve(false)).end()
    })
  }

  async stop(): Promise<void> {
    const gone = this.children.splice(0).map((child) => {
      child.kill('SIGKILL')
      return child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
    })
    await Promise.all(gone)
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.lastResort)
    await this.stop()
    this.proxy?.close()
    this.proxy?.closeAllConnections()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function refuse(
  res: ServerResponse,
  { status, type = 'serverInternal', detail = 'a fault of the test', headers = {} }: Answer,
): void {
  res.writeHead(status, { 'content-type': 'application/problem+json', ...headers })
  res.end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }))
}

async function freePort(): Promise<number> {
  const server = createTcp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
