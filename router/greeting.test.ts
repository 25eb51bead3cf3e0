import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { connect as h2connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { trustedProxies } from './address.ts'
import { until, Wire, World } from './testing.ts'

let world: World
let seen: IncomingHttpHeaders[]
beforeEach(() => {
  world = new World()
  seen = []
})
afterEach(() => world.end())

const V1 = 'PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n'
const V2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\xc8\x22\x01\xbb'
const LOCAL = '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0'
const GET = 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'

async function start(trusted: string) {
  await world.start({}, { isTrusted: trustedProxies(trusted) })
  await world.serve(
    await world.app((req, res) => {
      seen.push(req.headers)
      res.end('hello')
    }),
  )
}

/** A TLS connection on which `header` came first, in the clear. */
async function dialTls(header: string, protocol: string) {
  const raw = connectTcp(world.router.https!.port, '127.0.0.1')
  world.onEnd(() => raw.destroy())
  await once(raw, 'connect')
  raw.write(header, 'latin1')
  return connectTls({ socket: raw, servername: 'shop.localhost', rejectUnauthorized: false, ALPNProtocols: [protocol] })
}

describe('a trusted load balancer', () => {
  beforeEach(() => start('127.0.0.0/8'))

  it.each([
    ['1', V1],
    ['2', V2],
  ])('names its client in a PROXY header of version %s, for all requests of the connection', async (_version, header) => {
    const wire = (await world.dial()).send(header + GET + GET)
    await wire.see(/hello[^]*hello$/)
    for (const headers of seen) {
      expect(headers).toMatchObject({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-port': '443', 'x-forwarded-proto': 'http' })
    }
    expect((await world.lines(2))[1]).toContain(' fwd="203.0.113.9" ')
  })

  it('may send it in pieces', async () => {
    const wire = await world.dial()
    for (const byte of V2 + GET) {
      wire.send(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await wire.see(/hello$/)
    expect(seen[0]!['x-forwarded-for']).toBe('203.0.113.9')
  })

  it('may speak for itself, or send none at all', async () => {
    await (await world.dial()).send(LOCAL + GET).see(/hello$/)
    await (await world.dial()).send(`\r\n${GET}`).see(/hello$/)
    await (await world.dial()).send('POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 0\r\n\r\n').see(/hello$/)
    expect(seen.map((headers) => headers['x-forwarded-for'])).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
  })

  it('is not believed to name a proxy of ours: what the client says of itself is its own word', async () => {
    await (await world.dial()).send(`${V1}GET / HTTP/1.1\r\nHost: shop.localhost\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 10.0.0.1\r\n\r\n`).see(/hello$/) // prettier-ignore
    expect(seen[0]).toMatchObject({ 'x-forwarded-proto': 'http' })
    expect(seen[0]!['x-real-ip']).toBeUndefined()
  })

  it.each([
    ['a version 1 of nonsense', 'PROXY TCP4 203.0.113.9 443\r\n'],
    ['a version 1 that never ends', `PROXY ${'x'.repeat(200)}`],
    ['a version 2 with too few bytes', V2.replace('\0\x0c', '\0\x04')],
    ['two of them', V1 + V1],
  ])('is cut off for %s', async (_title, header) => {
    const wire = (await world.dial()).send(header + GET)
    expect(await wire.ended()).not.toContain('200 OK')
    expect(seen).toEqual([])
  })

  it('names the client of a WebSocket too', async () => {
    let head = ''
    const address = await world.tcp((socket) =>
      socket.once('data', (bytes) => {
        head = String(bytes)
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi')
      }),
    )
    await world.serve(address)
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    await (await world.dial()).send(V2 + upgrade).see(/hi$/)
    expect(head).toContain('X-Forwarded-For: 203.0.113.9\r\n')
  })

  it.each([
    ['1', V1],
    ['2', V2],
  ])('names it before TLS as well, version %s', async (_version, header) => {
    const socket = await dialTls(header, 'http/1.1')
    await new Wire(socket).send(GET).see(/hello$/)
    expect(seen[0]).toMatchObject({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' })
  })

  it('names it for HTTP/2', async () => {
    const socket = await dialTls(V2, 'h2')
    const session = h2connect('https://shop.localhost', { createConnection: () => socket })
    world.onEnd(() => session.destroy())
    let body = ''
    session.request({ ':path': '/' }).setEncoding('utf8').on('data', (text) => (body += text)) // prettier-ignore
    await until(() => body === 'hello')
    expect(seen[0]).toMatchObject({ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' })
  })

  it('may speak TLS without a header', async () => {
    const socket = await dialTls('', 'http/1.1')
    await new Wire(socket).send(GET).see(/hello$/)
    expect(seen[0]!['x-forwarded-for']).toBe('127.0.0.1')
  })

  it('is cut off for a malformed one before TLS', async () => {
    const socket = await dialTls('PROXY nonsense\r\n', 'http/1.1')
    await once(socket, 'error')
    expect(seen).toEqual([])
  })
})

describe('anybody else', () => {
  beforeEach(() => start('192.0.2.0/24'))

  it.each([V1, V2])('is refused with a PROXY header %j', async (header) => {
    expect(await (await world.dial()).send(header + GET).ended()).toMatch(/^HTTP\/1.1 400 /)
    const socket = await dialTls(header, 'http/1.1')
    await once(socket, 'error')
    expect(seen).toEqual([])
  })
})
