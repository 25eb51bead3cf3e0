import { connect as h2connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until, World } from './testing.ts'
import { END_HEADERS, END_STREAM, field, frame, FRAME, RawH2, requestFields, reset } from './testing-h2.ts'

let world: World
beforeEach(async () => {
  world = await new World().start()
})
afterEach(() => world.end())

const port = () => world.router.https!.port

function open(): ClientHttp2Session {
  const session = h2connect(`https://127.0.0.1:${port()}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  world.onEnd(() => session.destroy())
  return session
}

async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}, body?: string | Buffer) {
  const stream = session.request({ ':authority': 'shop.localhost', ...headers }, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  let got: Record<string, unknown> = {}
  let trailers: Record<string, unknown> = {}
  let text = ''
  stream.on('response', (answer) => (got = answer))
  stream.on('trailers', (answer) => (trailers = answer))
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  let code = ''
  await new Promise<void>((resolve) => stream.on('close', resolve).on('error', (error) => (code = error.message)))
  return { status: got[':status'], headers: got, trailers, body: text, code }
}

async function raw(settings?: Buffer): Promise<RawH2> {
  const client = await RawH2.dial(port(), settings)
  world.onEnd(() => client.socket.destroy())
  return client
}

/** An app that answers every head with these bytes. */
const answering = async (bytes: string) =>
  world.serve(await world.tcp((socket) => socket.on('data', () => socket.write(bytes, 'latin1'))))

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('an answer that HTTP/2 spells in another way', () => {
  it('passes with fields said twice that Node would have once', async () => {
    await answering('HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok') // prettier-ignore
    expect(await ask(open())).toMatchObject({ status: 302, body: 'ok', headers: { location: '/a', 'set-cookie': ['a', 'b'] } })
  })

  it('loses the trailers that belong to HTTP/1 connections, and the router lives on', async () => {
    await answering('HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHTTP2-Settings: x\r\nETag: a\r\nETag: b\r\nX-Sum: 1\r\n\r\n') // prettier-ignore
    const session = open()
    for (let i = 0; i < 2; i += 1) expect(await ask(session)).toMatchObject({ status: 200, trailers: { 'x-sum': '1' } })
  })

  it('passes trailers that no field announced', async () => {
    await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n')
    expect(await ask(open())).toMatchObject({ body: 'ok', trailers: { 'x-sum': '1' } })
  })

  it('with interim ones that say things twice passes too', async () => {
    await answering(`HTTP/1.1 103 Early Hints\r\nDate: a\r\nDate: b\r\nLink: </x>\r\n\r\n${OK}`)
    expect(await ask(open())).toMatchObject({ status: 200, body: 'ok' })
  })

  it.each(['HEAD', 'GET'])('to %s of 204 and 304 has no body', async (method) => {
    await answering('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n')
    expect(await ask(open(), { ':method': method })).toMatchObject({ status: 304, body: '' })
  })

  it('to HEAD has a head only, the app’s as the router’s', async () => {
    await answering('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n')
    const session = open()
    expect(await ask(session, { ':method': 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      code: '',
      headers: { 'content-length': '9' },
    })
    await world.route({ state: 'stopped' })
    expect(await ask(session, { ':method': 'HEAD' })).toMatchObject({ status: 503, body: '', code: '' })
  })

  it('with an invalid status is H17', async () => {
    await answering('HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n')
    expect((await ask(open())).body).toContain('H17')
  })
})

describe('a request over HTTP/2', () => {
  it.each([
    ['Transfer-Encoding', [['transfer-encoding', 'chunked']]],
    ['Connection', [['connection', 'close']]],
    ['Upgrade', [['upgrade', 'websocket']]],
    [
      'two Content-Lengths',
      [
        ['content-length', '1'],
        ['content-length', '2'],
      ],
    ],
    ['an upper-case name', [['X-A', '1']]],
    ['a second path', [[':path', '/evil']]],
    [
      'a pseudo-field after a field',
      [
        ['x-a', '1'],
        [':scheme', 'https'],
      ],
    ],
  ])('with %s reaches no app', async (_name, fields) => {
    const seen: string[] = []
    await world.serve(await world.tcp((socket) => socket.on('data', (chunk) => seen.push(chunk.toString('latin1')))))
    const client = await raw()
    const head = Buffer.concat([requestFields(), ...(fields as [string, string][]).map(([name, value]) => field(name, value))])
    client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, head))
    await until(() => client.count(FRAME.reset) + client.count(FRAME.goAway) + client.count(FRAME.headers) > 0)
    expect(seen).toEqual([])
  })

  it.each([
    ['a space in the path', ':path', '/a HTTP/1.1\r\nevil: 1'],
    ['a line end in the method', ':method', 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n'],
    ['a line end in the authority', ':authority', 'shop.localhost\r\nevil: 1'],
    ['an authority with a user', ':authority', 'a@shop.localhost'],
  ])('with %s reaches no app', async (_name, name, value) => {
    const seen: string[] = []
    await world.serve(await world.tcp((socket) => socket.on('data', (chunk) => seen.push(chunk.toString('latin1')))))
    const client = await raw()
    const pseudo = { ':method': 'GET', ':scheme': 'https', ':path': '/', ':authority': 'shop.localhost', [name]: value }
    const head = Buffer.concat(Object.entries(pseudo).map(([one, text]) => field(one, text)))
    client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, head))
    await until(() => client.count(FRAME.reset) + client.count(FRAME.goAway) + client.count(FRAME.headers) > 0)
    expect(seen).toEqual([])
  })

  it.each([
    ['a line end in a value', 'x-a', 'b\r\nevil: 1'],
    ['a line end in a name', 'evil\r\nevil', '1'],
    ['a colon in a name', 'evil:a', '1'],
    ['a NUL in a value', 'x-a', 'evil\0'],
  ])('with %s loses that field', async (_name, name, value) => {
    let seen = ''
    await world.serve(await world.tcp((socket) => socket.on('data', (chunk) => (seen += chunk.toString('latin1')))))
    const client = await raw()
    client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, Buffer.concat([requestFields(), field(name, value)])))
    await until(() => seen.endsWith('\r\n\r\n'))
    expect(seen).not.toContain('evil')
  })

  it('that says more or less than its Content-Length is reset, and cut at the app', async () => {
    let whole = 0
    await world.serve(
      await world.app((req, res) => {
        req.on('error', () => {})
        req.resume().on('end', () => {
          whole += 1
          res.end()
        })
      }),
    )
    for (const body of ['abc', 'abcdefghij']) {
      const client = await raw()
      const head = Buffer.concat([requestFields(), field('content-length', '5')])
      client.send(frame(FRAME.headers, END_HEADERS, 1, head), frame(FRAME.data, END_STREAM, 1, body))
      await until(() => client.count(FRAME.reset) > 0)
    }
    expect(whole).toBe(0)
  })

  it('may have as many fields as one over HTTP/1.1', async () => {
    await world.serve(await world.app((req, res) => res.end(String(req.rawHeaders.length / 2))))
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`x-${i}`, 'v']))
    expect(Number((await ask(open(), many)).body)).toBeGreaterThan(900)
  })
})

describe('HTTP/2 floods', () => {
  const others = async () => expect(await ask(open())).toMatchObject({ status: 200, body: 'ok' })
  const inflight = async () => Object.values((await world.status()).inflight).reduce((a, b) => a + b, 0)

  it('of requests that are reset at once end the connection, and leave nothing behind (CVE-2023-44487)', async () => {
    let connections = 0
    await world.serve(
      await world.tcp((socket) => {
        connections += 1
        socket.on('data', () => {})
      }),
    )
    const client = await raw()
    for (let id = 1; id < 40_000 && !client.isEnded; id += 2) {
      client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, id, requestFields()), reset(id))
      if (id % 2_000 === 1) await new Promise(setImmediate)
    }
    await until(() => client.isEnded)
    await until(async () => (await inflight()) === 0)
    expect(connections).toBeLessThan(5_000)
    await answering(OK)
    await others()
  })

  it('of continuations without end are cut (CVE-2024-27983)', async () => {
    await answering(OK)
    const client = await raw()
    client.send(frame(FRAME.headers, 0, 1, requestFields()))
    const more = frame(FRAME.continuation, 0, 1, field('x-a', 'b'.repeat(4_000)))
    for (let i = 0; i < 5_000 && !client.isEnded; i += 1) {
      client.send(more)
      if (i % 50 === 0) await new Promise(setImmediate)
    }
    await until(() => client.isEnded || client.count(FRAME.goAway) > 0)
    await others()
  })

  it('of one long field named thousands of times are refused before they are unfolded', async () => {
    await answering(OK)
    const client = await raw()
    const bomb = Buffer.concat([requestFields(), field('x-a', 'b'.repeat(4_000), true), Buffer.alloc(12_000, 0xbe)])
    client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, bomb))
    await until(() => client.isEnded || client.count(FRAME.reset) + client.count(FRAME.goAway) + client.count(FRAME.headers) > 0)
    await others()
  })

  it.each([
    ['pings', frame(FRAME.ping, 0, 0, '12345678')],
    ['settings', frame(FRAME.settings, 0, 0, Buffer.alloc(0))],
    ['empty data', frame(FRAME.data, 0, 1)],
  ])('of %s whose answers nobody reads fill no memory', async (_name, one) => {
    await world.serve(await world.tcp((socket) => socket.on('data', () => {})))
    const client = await raw()
    client.send(frame(FRAME.headers, END_HEADERS, 1, requestFields()))
    client.socket.pause()
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => one))
    for (let i = 0; i < 60 && !client.isEnded; i += 1) {
      client.socket.write(many)
      await new Promise(setImmediate)
    }
    client.socket.destroy()
    await answering(OK)
    await others()
  })

  it('of handshakes that are cut at once leave the router alive', async () => {
    await answering(OK)
    for (let i = 0; i < 60; i += 1) {
      const socket = connect({ port: port(), host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
      socket.on('error', () => {})
      socket.on('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n', () => socket.destroy()))
      await new Promise((resolve) => socket.on('close', resolve))
    }
    await others()
  })
})

describe('HTTP/2 back-pressure', () => {
  it('makes the app wait while the client gives no window', async () => {
    let isFree = true
    let sent = 0
    await world.serve(
      await world.app((_req, res) => {
        const more = () => {
          while (sent < 400 && (isFree = res.write(Buffer.alloc(262_144)))) sent += 1
        }
        res.on('drain', more)
        more()
      }),
    )
    const client = await raw()
    client.send(frame(FRAME.headers, END_HEADERS | END_STREAM, 1, requestFields()))
    await until(() => !isFree)
    expect(sent).toBeLessThan(400)
    expect(client.seen.reduce((sum, one) => sum + (one.type === FRAME.data ? one.payload.length : 0), 0)).toBeLessThanOrEqual(
      65_535,
    )
    client.socket.destroy()
    await until(async () => Object.values((await world.status()).inflight)[0] === 0)
  })

  it('makes the client wait while the app does not read', async () => {
    await world.serve(await world.tcp((socket) => void socket.pause()))
    const stream = open().request({ ':authority': 'shop.localhost', ':method': 'POST' })
    stream.on('error', () => {})
    let written = 0
    let isFree = true
    const more = () => {
      while (written < 400 && (isFree = stream.write(Buffer.alloc(262_144)))) written += 1
    }
    stream.on('drain', more)
    more()
    await until(async () => !isFree && Object.values((await world.status()).inflight)[0] === 1)
    expect(written).toBeLessThan(400)
    stream.destroy()
  })
})

describe('an HTTP/2 connection', () => {
  it.each([
    ['says nothing', () => []],
    ['sends half a head', () => [frame(FRAME.headers, 0, 1, requestFields())]],
  ])('that %s is closed', async (_name, frames) => {
    await world.router.close()
    await world.start({ idleMs: 80 })
    const client = await raw()
    client.send(...frames())
    await until(() => client.isEnded)
  })
})

describe('a WebSocket over HTTP/2 (RFC 8441)', () => {
  const connect = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', 'sec-websocket-version': '13' }
  const dial = async () => {
    const session = open()
    await new Promise((resolve) => session.on('remoteSettings', resolve))
    expect(session.remoteSettings.enableConnectProtocol).toBe(true)
    return session
  }

  it('is the upgrade that the app knows, carried both ways until both sides end', async () => {
    let head = ''
    const address = await world.tcp((socket) => {
      socket.once('data', (chunk) => {
        head = chunk.toString('latin1')
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhi ',
        )
        socket.on('data', (more) => socket.write(more))
      })
    })
    await world.serve(address)
    const stream = (await dial()).request({ ':authority': 'shop.localhost', ...connect }, { endStream: false })
    let got: Record<string, unknown> = {}
    let text = ''
    stream.on('response', (headers) => (got = headers))
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    stream.write('early ')
    await until(() => text === 'hi early ')
    expect(got).toMatchObject({ ':status': 200 })
    expect(got['sec-websocket-accept']).toBeUndefined()
    expect(head).toMatch(/^GET \/ws HTTP\/1.1\r\n[^]*Upgrade: websocket\r\n/)
    expect(head).toMatch(/sec-websocket-key: [\w+/]{22}==\r\n/i)
    stream.end('late')
    await until(() => text === 'hi early late')
    await until(() => stream.closed)
    expect((await world.lines())[0]).toMatch(/status=101 .*protocol=http2/)
    expect((await world.status()).inflight[address]).toBe(0)
  })

  it('that the app refuses is a plain answer', async () => {
    await answering(OK)
    expect(await ask(await dial(), connect, '')).toMatchObject({ status: 200, body: 'ok' })
  })

  it('is the only CONNECT there is', async () => {
    await answering(OK)
    const session = await dial()
    expect(await ask(session, { ...connect, ':protocol': 'connect-udp' })).toMatchObject({ status: 405 })
  })
})
