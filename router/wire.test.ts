import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until, World, type Wire } from './testing.ts'

let world: World
beforeEach(async () => {
  world = new World()
  await world.start()
})
afterEach(() => world.end())

const GET = 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: shop.localhost\r\n'

/** An app that answers each head with these bytes and keeps what it got. */
async function scripted(...answers: string[]) {
  const seen: Wire['text'][] = []
  let connections = 0
  const address = await world.tcp((socket) => {
    const mine = connections++
    seen[mine] = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      seen[mine] += chunk
      if (!seen[mine]!.includes('\r\n\r\n')) return
      const next = answers.shift()
      if (next !== undefined) socket.write(next, 'latin1')
    })
  })
  await world.serve(address)
  return { seen, connections: () => connections }
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('a request that could be framed in two ways', () => {
  const refused: [string, string][] = [
    ['Content-Length and Transfer-Encoding', `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two Content-Lengths', `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`],
    ['a Content-Length twice', `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
    ['a list of lengths', `${POST}Content-Length: 3, 3\r\n\r\nabc`],
    ...['+3', '-3', '0x3', '3.0', '3 3', '', '1e1', '٣', '99999999999999999999'].map((length): [string, string] => [
      `Content-Length ${JSON.stringify(length)}`,
      `${POST}Content-Length: ${length}\r\n\r\nabc`,
    ]),
    ...[
      'gzip',
      'gzip, chunked',
      'chunked, gzip',
      'chunked, chunked',
      'identity',
      'xchunked',
      'chunked;q=1',
      '"chunked"',
      ',chunked',
      '',
    ].map((coding): [string, string] => [`Transfer-Encoding ${coding}`, `${POST}Transfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`]),
    ['two Transfer-Encodings', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['Transfer-Encoding in HTTP/1.0', `POST / HTTP/1.0\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['white space before the colon', `${GET}A : b\r\n\r\n`],
    ['a tab before the colon', `${POST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n`],
    ['a folded header', `${GET}A: b\r\n c\r\n\r\n`],
    ['a first header that is folded', `GET / HTTP/1.1\r\n Host: shop.localhost\r\n\r\n`],
    ['a bare LF', 'GET / HTTP/1.1\nHost: shop.localhost\n\n'],
    ['a bare LF after a header', `${GET}A: b\n\r\n`],
    ['a bare LF as the empty line', `${GET}\n`],
    ['a bare CR', `${GET}A: b\rC: d\r\n\r\n`],
    ['a CR CR LF', `${GET}A: b\r\r\n\r\n`],
    ['a NUL', `${GET}A: b\0c\r\n\r\n`],
    ['a control character', `${GET}A: b\x01c\r\n\r\n`],
    ['an empty name', `${GET}: b\r\n\r\n`],
    ['no colon', `${GET}abc\r\n\r\n`],
    ['a name with a parenthesis', `${GET}a(b): c\r\n\r\n`],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', `${GET}Host: shop.localhost\r\n\r\n`],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: shop.localhost/x\r\n\r\n'],
    ['a Host list', 'GET / HTTP/1.1\r\nHost: shop.localhost, evil\r\n\r\n'],
    ['a Host with a user', 'GET / HTTP/1.1\r\nHost: a@shop.localhost\r\n\r\n'],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a tab for a space', 'GET\t/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a space at the end of the line', 'GET / HTTP/1.1 \r\nHost: shop.localhost\r\n\r\n'],
    ['a lower-case version', 'GET / http/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a leading space', ' GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a method that is no token', 'G@T / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a target without a slash', 'GET x HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a fragment', 'GET /#x HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['an asterisk for GET', 'GET * HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a user in the absolute form', 'GET http://a@shop.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
    ['a foreign scheme', 'GET ftp://shop.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'],
  ]
  it.each(refused)('%s: 400, the connection is closed, and the app sees nothing', async (_name, bytes) => {
    const app = await scripted(OK)
    const wire = (await world.dial()).send(bytes + GET + '\r\n')
    const text = await wire.ended()
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(text).toMatch(/Connection: close/)
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(app.connections()).toBe(0)
  })

  it.each([
    ['5\r\nhello\r\n0\r\n\r\n', true],
    ['005\r\nhello\r\n00\r\n\r\n', true],
    ['5;a=b\r\nhello\r\n0\r\n\r\n', true],
    ['5 \r\nhello\r\n0\r\n\r\n', false],
    ['5\nhello\r\n0\r\n\r\n', false],
    ['5\r\nhelloX0\r\n\r\n', false],
    ['5\r\nhello\n0\r\n\r\n', false],
    ['0x5\r\nhello\r\n0\r\n\r\n', false],
    ['-5\r\nhello\r\n0\r\n\r\n', false],
    ['\r\nhello\r\n0\r\n\r\n', false],
    ['5;a="b;c=\\"d";e\r\nhello\r\n0\r\n\r\n', true],
    ['5;\r\nhello\r\n0\r\n\r\n', false],
    ['5;a:b\r\nhello\r\n0\r\n\r\n', false],
    ['5;a=\r\nhello\r\n0\r\n\r\n', false],
    ['5;a="b\r\nhello\r\n0\r\n\r\n', false],
    ['5;a="b"c\r\nhello\r\n0\r\n\r\n', false],
    ['5; a\r\nhello\r\n0\r\n\r\n', false],
    ['5;a\nb\r\nhello\r\n0\r\n\r\n', false],
    ['5;a\r\r\nhello\r\n0\r\n\r\n', false],
    ['fffffffffffffff5\r\nhello\r\n0\r\n\r\n', false],
    ['0\r\nA: b\n\r\n', false],
    ['0\r\n A: b\r\n\r\n', false],
  ])('a chunked body %j is taken: %s', async (body, isTaken) => {
    const app = await scripted()
    const wire = (await world.dial()).send(`${POST}Transfer-Encoding: chunked\r\n\r\n`)
    await until(() => app.connections() === 1)
    wire.send(body)
    if (isTaken) await until(() => /\r\n\r\n0*5\r\nhello\r\n0+\r\n\r\n$/.test(app.seen[0]!))
    else expect(await wire.ended()).toMatch(/^HTTP\/1.1 400 /)
  })
})

describe('limits', () => {
  it.each([
    ['a request line over 8 KiB', `GET /${'x'.repeat(9000)} HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`, 414],
    ['a request line that never ends', `GET /${'x'.repeat(20_000)}`, 414],
    ['a header line over 8 KiB', `${GET}A: ${'x'.repeat(9000)}\r\n\r\n`, 431],
    ['a header line that never ends', `${GET}A: ${'x'.repeat(20_000)}`, 431],
    ['1,001 headers', `${GET}${'A: b\r\n'.repeat(1000)}\r\n`, 431],
    ['an unknown expectation', `${GET}Expect: wonders\r\n\r\n`, 417],
    ['HTTP/2.0 in clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['CONNECT', 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', 405],
    ['TRACE', 'TRACE / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', 405],
  ])('%s is refused', async (_name, bytes, status) => {
    await scripted(OK)
    expect(await (await world.dial()).send(bytes).ended()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it('take a line of 8 KiB and 1,000 headers', async () => {
    await scripted(OK, OK)
    const wire = await world.dial()
    wire.send(`GET /${'x'.repeat(8000)} HTTP/1.1\r\nHost: shop.localhost\r\n${'A: b\r\n'.repeat(999)}\r\n`)
    await wire.see(/200 OK[^]*ok$/)
  })
})

describe('requests', () => {
  it('come byte by byte', async () => {
    const app = await scripted(OK)
    const wire = await world.dial()
    for (const byte of `${POST}Content-Length: 3\r\n\r\nabc`) wire.send(byte)
    await wire.see(/ok$/)
    expect(app.seen[0]).toMatch(
      /^POST \/ HTTP\/1.1\r\nHost: shop.localhost\r\nX-Forwarded-For: [^]*\r\nContent-Length: 3\r\n[^]*\r\n\r\nabc$/,
    )
  })

  it('are answered in their order when they are pipelined, over one connection to the app', async () => {
    const app = await scripted(...['1', '2', '3'].map((n) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${n}`))
    const wire = (await world.dial()).send(`${GET}\r\n${POST}Content-Length: 3\r\n\r\nabc${GET}\r\n`)
    const text = await wire.see(/1HTTP[^]*2HTTP[^]*3$/)
    expect(text.match(/200 OK/g)).toHaveLength(3)
    expect(app.connections()).toBe(1)
  })

  it('in absolute form go by their own host, in origin form', async () => {
    const app = await scripted(OK)
    const wire = (await world.dial()).send('GET http://SHOP.localhost:80/a?b HTTP/1.1\r\nHost: nobody.localhost\r\nA: b\r\n\r\n')
    await wire.see(/ok$/)
    expect(app.seen[0]).toMatch(/^GET \/a\?b HTTP\/1.1\r\nHost: SHOP.localhost:80\r\nA: b\r\n/)
  })

  it('for OPTIONS * pass', async () => {
    const app = await scripted(OK)
    await (await world.dial()).send('OPTIONS * HTTP/1.1\r\nHost: shop.localhost\r\n\r\n').see(/ok$/)
    expect(app.seen[0]).toMatch(/^OPTIONS \* HTTP\/1.1\r\n/)
  })

  it('whose client sends its end early are still answered', async () => {
    await scripted(OK)
    const wire = (await world.dial()).send(`${GET}\r\n`)
    wire.socket.end()
    expect(await wire.ended()).toMatch(/ok$/)
  })

  it('of HTTP/1.0 end with the connection, unless it says keep-alive', async () => {
    await scripted(OK, OK, OK)
    expect(await (await world.dial()).send('GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n').ended()).toMatch(
      /Connection: close\r\n\r\nok$/,
    )
    const wire = (await world.dial()).send('GET / HTTP/1.0\r\nHost: shop.localhost\r\nConnection: keep-alive\r\n\r\n')
    await wire.see(/Connection: keep-alive\r\n\r\nok$/)
    wire.send('GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n')
    expect(await wire.ended()).toMatch(/ok[^]*ok$/)
  })

  it('lose spellings of the router’s own headers that a CGI could not tell apart', async () => {
    const app = await scripted(OK)
    await (
      await world.dial()
    )
      .send(
        `${GET}X_Forwarded_For: 6.6.6.6\r\nx_forwarded-proto: https\r\nContent_Length: 9\r\nX_Mine: 1\r\nX-Real-IP: 6.6.6.6\r\n\r\n`,
      )
      .see(/ok$/)
    expect(app.seen[0]).not.toMatch(/6\.6\.6\.6|https|Content_Length/)
    expect(app.seen[0]).toContain('X_Mine: 1\r\n')
  })

  it('pass trailers on, without those that frame or route', async () => {
    const app = await scripted()
    const wire = await world.dial()
    wire.send(
      `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX_Request_Id: x\r\nHost: evil\r\n\r\n`,
    )
    await until(() => app.seen[0]?.endsWith('3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'))
  })

  it('with Expect: 100-continue get the app’s word first', async () => {
    const app = await scripted('HTTP/1.1 100 Continue\r\n\r\n')
    const wire = (await world.dial()).send(`${POST}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n`)
    expect(await wire.see('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    expect(app.seen[0]).toContain('Expect: 100-continue\r\n')
    wire.send('abc')
    await until(() => app.seen[0]!.endsWith('abc'))
  })

  it('that are cut within their body are H27 and cut at the app too', async () => {
    let isClosed = false
    await world.serve(await world.tcp((socket) => socket.on('data', () => {}).on('close', () => (isClosed = true))))
    const wire = (await world.dial()).send(`${POST}Content-Length: 10\r\n\r\nabc`)
    await until(async () => Object.values((await world.status()).inflight)[0] === 1)
    wire.socket.destroy()
    expect((await world.lines())[0]).toMatch(/at=error code=H27 .* status=499/)
    await until(() => isClosed)
  })

  it('that a client leaves are not counted any more', async () => {
    await scripted()
    const wire = (await world.dial()).send(`${GET}\r\n`)
    await until(async () => Object.values((await world.status()).inflight)[0] === 1)
    wire.socket.resetAndDestroy()
    await world.lines()
    expect(Object.values((await world.status()).inflight)[0]).toBe(0)
  })
})

describe('responses', () => {
  const bad = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok',
    'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'HTTP/1.1 200 OK\r\nA : b\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: x\r\n\r\n',
    'HTTP/1.1 099 Low\r\n\r\n',
    'HTTP/1.1 1000 High\r\n\r\n',
    'HTTP/2 200 OK\r\n\r\n',
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(600_000)}`,
    'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40),
  ]
  it.each(bad.map((answer) => [answer.slice(0, 80), answer]))('that are not valid are H17: %j', async (_title, answer) => {
    await scripted(answer)
    const wire = (await world.dial()).send(`${GET}\r\n`)
    expect(await wire.see(/H17/)).toContain('HTTP/1.1 503 Service Unavailable')
    expect((await world.lines())[0]).toContain('code=H17')
  })

  it.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', /200 OK\r\n[^]*Content-Length: 9\r\n\r\n$/],
    ['GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', /204 No Content\r\nDate: [^\r]*\r\n\r\n$/],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', /304 Not Modified\r\n[^]*Content-Length: 9\r\n\r\n$/],
  ])('to %s of %j have no body and keep the connection', async (method, answer, expected) => {
    const app = await scripted(answer, OK)
    const wire = (await world.dial()).send(`${method} / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`)
    await wire.see(expected)
    wire.send(`${GET}\r\n`)
    await wire.see(/ok$/)
    expect(app.connections()).toBe(1)
  })

  it('with bytes after their end never reach another client', async () => {
    const app = await scripted('HTTP/1.1 204 No Content\r\n\r\nevil', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokevil', OK)
    const wire = (await world.dial()).send(`${GET}\r\n`)
    await wire.see('204')
    wire.send(`${GET}\r\n`)
    await wire.see(/ok$/)
    wire.send(`${GET}\r\n`)
    expect(await wire.see(/ok[^]*ok$/)).not.toContain('evil')
    expect(app.connections()).toBe(3)
  })

  it('in chunks pass as chunks, and as bytes to HTTP/1.0', async () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'
    await scripted(chunked, chunked)
    await (await world.dial()).send(`${GET}\r\n`).see(/Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n$/)
    const old = await (await world.dial()).send('GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n').ended()
    expect(old).toMatch(/\r\n\r\nhello$/)
    expect(old).not.toMatch(/chunked/)
  })

  it('that end with the app’s connection get chunks', async () => {
    await world.serve(await world.tcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nhello'))))
    await (await world.dial()).send(`${GET}\r\n`).see(/chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/)
  })

  it('that are cut short are cut for the client too, and H18', async () => {
    await world.serve(
      await world.tcp((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello'))),
    )
    expect(await (await world.dial()).send(`${GET}\r\n`).ended()).toMatch(/hello$/)
    expect((await world.lines())[0]).toMatch(/at=error code=H18 .* status=200 bytes=5 /)
  })

  it('to an unfinished upload pass, and the connection is closed after them', async () => {
    await scripted('HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno')
    const wire = (await world.dial()).send(`${POST}Content-Length: 1000000\r\n\r\nabc`)
    expect(await wire.ended()).toMatch(/413[^]*Connection: close\r\n\r\nno$/)
  })

  it('that come from an app which hangs up on the rest of the upload are not lost', async () => {
    await world.serve(
      await world.tcp((socket) =>
        socket.once('data', () => {
          socket.pause()
          socket.write('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno', () =>
            socket.destroy(),
          )
        }),
      ),
    )
    for (let i = 0; i < 20; i += 1) {
      const wire = (await world.dial()).send(`${POST}Content-Length: 5000000\r\n\r\n`)
      for (let j = 0; j < 50; j += 1) wire.socket.write(Buffer.alloc(100_000))
      expect(await wire.see(/no$/)).toMatch(/^HTTP\/1.1 413 /)
      wire.socket.destroy()
    }
  })

  it('of 103 pass before the final one', async () => {
    await scripted(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`)
    await (await world.dial()).send(`${GET}\r\n`).see(/^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1.1 200 OK[^]*ok$/)
  })

  it('lose what was said to the router alone', async () => {
    await scripted(
      'HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok',
    )
    const text = await (await world.dial()).send(`${GET}\r\n`).see(/ok$/)
    expect(text).not.toMatch(/X-Mine|Keep-Alive/)
    expect(text).toContain('Set-Cookie: a\r\nSet-Cookie: b\r\n')
  })

  it('refusing an upgrade are plain responses', async () => {
    await scripted(OK, OK)
    const wire = (await world.dial()).send(`${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
    await wire.see(/200 OK[^]*ok$/)
    wire.send(`${GET}\r\n`)
    await wire.see(/ok[^]*ok$/)
  })
})

describe('a kept connection to the app', () => {
  it('that closes as the next request comes costs that request nothing', async () => {
    let count = 0
    await world.serve(
      await world.tcp((socket) => {
        const mine = (count += 1)
        let answered = 0
        socket.on('data', () => (mine === 1 && answered++ > 0 ? socket.destroy() : socket.write(OK)))
      }),
    )
    const wire = (await world.dial()).send(`${GET}\r\n`)
    await wire.see(/ok$/)
    wire.send(`${GET}\r\n`)
    await wire.see(/ok[^]*ok$/)
    expect(count).toBe(2)
  })

  it('is closed when its target leaves the table', async () => {
    let isClosed = false
    await world.serve(await world.tcp((socket) => socket.on('data', () => socket.write(OK)).on('end', () => (isClosed = true))))
    await (await world.dial()).send(`${GET}\r\n`).see(/ok$/)
    expect(isClosed).toBe(false)
    await world.route()
    await until(() => isClosed)
  })
})

describe('large bodies', () => {
  it('pass whole through Node’s own sockets too, which serve a target with a name', async () => {
    const address = await world.app((req, res) => {
      res.writeHead(200)
      req.pipe(res)
    })
    await world.serve(address.replace('127.0.0.1', 'localhost'))
    const body = Buffer.alloc(5_000_000, 'x0123456789')
    for (let i = 0; i < 2; i += 1) expect((await world.get('/', { method: 'POST' }, body)).body === body.toString()).toBe(true)
  })

  it('pass whole both ways, with back-pressure', async () => {
    const address = await world.app((req, res) => {
      res.writeHead(200)
      req.pipe(res)
    })
    await world.serve(address)
    const body = Buffer.alloc(20_000_000, 'x0123456789')
    const answer = await world.get('/', { method: 'POST' }, body)
    expect(answer.body.length).toBe(body.length)
    expect(Buffer.from(answer.body).equals(body)).toBe(true)
  })

  it('wait in the app while the client does not read', async () => {
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
    const wire = await world.dial()
    wire.socket.pause()
    wire.send(`${GET}\r\n`)
    await until(() => !isFree)
    expect(sent).toBeLessThan(400)
  })
})

describe('a deadline', () => {
  const restart = async (limits: Parameters<World['start']>[0]) => {
    await world.router.close()
    await world.start(limits)
  }

  it('ends a request whose body stalls: H28', async () => {
    await restart({ idleMs: 60 })
    await scripted()
    await (await world.dial()).send(`${POST}Content-Length: 10\r\n\r\nabc`).see('H28')
    expect((await world.lines())[0]).toContain('code=H28 desc="Client Connection Idle"')
  })

  it('ends a response that stalls: H15', async () => {
    await restart({ idleMs: 60 })
    await scripted('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    expect(await (await world.dial()).send(`${GET}\r\n`).ended()).toMatch(/abc$/)
    expect((await world.lines())[0]).toContain('code=H15 desc="Idle connection"')
  })

  it('ends a tunnel in which nobody says anything: H15', async () => {
    await restart({ idleMs: 60 })
    await scripted('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    await (await world.dial()).send(`${GET}Connection: Upgrade\r\nUpgrade: x\r\n\r\n`).ended()
    expect((await world.lines())[0]).toMatch(/code=H15 .* status=101/)
  })

  it('does not end what moves in one direction alone', async () => {
    await restart({ idleMs: 150 })
    await world.serve(
      await world.app((_req, res) => {
        let left = 10
        const timer = setInterval(() => (left-- > 0 ? res.write('x') : (res.end('end'), clearInterval(timer))), 40)
      }),
    )
    expect((await world.get()).body).toBe('xxxxxxxxxxend')
  })

  it('ends a head that does not come whole: 408', async () => {
    await restart({ idleMs: 60 })
    expect(await (await world.dial()).send('GET / HTT').ended()).toMatch(/^HTTP\/1.1 408 /)
  })

  it('closes a connection that is not used', async () => {
    await restart({ idleMs: 60 })
    expect(await (await world.dial()).ended()).toBe('')
  })
})

describe('a client that sends and does not read', () => {
  it('is not read from any more, so that its answers fill no memory', async () => {
    await world.route({ state: 'stopped' })
    const wire = await world.dial()
    wire.socket.pause()
    const requests = `${GET}\r\n`.repeat(5_000)
    let isFull = false
    for (let i = 0; i < 400 && !isFull; i += 1) {
      isFull = await new Promise((resolve) => {
        const timer = setTimeout(() => resolve(true), 400)
        wire.socket.write(requests, () => {
          clearTimeout(timer)
          resolve(false)
        })
      })
    }
    expect(isFull).toBe(true)
    expect((await world.get()).status).toBe(503)
    wire.socket.destroy()
  })
})
