import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, until, World } from './testing.ts'

/** The abuse list's part D that is the router's, each by its number; framing tricks (50) have more in wire.test.ts and http1/fuzz.test.ts. */
let world: World
beforeEach(async () => {
  world = await new World().start()
})
afterEach(() => world.end())

const GET = 'GET / HTTP/1.1\r\nHost: shop.localhost\r\n'
const POST = 'POST / HTTP/1.1\r\nHost: shop.localhost\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** An app that answers every read that ends a head, and keeps what it got, by connection. */
async function recording(answer: string | ((head: string) => string) = OK) {
  const seen: string[] = []
  const address = await world.tcp((socket) => {
    const mine = seen.push('') - 1
    let fresh = ''
    socket.on('data', (chunk: Buffer) => {
      seen[mine] += chunk.toString('latin1')
      fresh += chunk.toString('latin1')
      for (let end = fresh.indexOf('\r\n\r\n'); end >= 0; end = fresh.indexOf('\r\n\r\n')) {
        const head = fresh.slice(0, end)
        fresh = fresh.slice(end + 4)
        if (/(GET|HEAD|OPTIONS|DELETE|POST) /.test(head))
          socket.write(typeof answer === 'string' ? answer : answer(head), 'latin1')
      }
    })
  })
  await world.serve(address)
  return seen
}

async function exchange(bytes: string): Promise<string> {
  return (await world.dial()).send(bytes).ended()
}

describe('ABUSE 50: two readers, one framing', () => {
  const te = (value: string, name = 'Transfer-Encoding') => `${POST}${name}:${value}\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: shop.localhost\r\n\r\n` // prettier-ignore
  it.each([
    ...[
      ' chunked',
      'chunked',
      '\tchunked',
      ' chunked ',
      ' Chunked',
      ' chunked\t',
      ' \x0bchunked',
      ' chunked\x0c',
      ' chunked\0',
      ' x',
      ' "chunked"',
      ' chunked\x85',
      ' \xa0chunked',
      ' chunked, ',
      ' gzip\tchunked',
      " 'chunked'",
      ' chunked;',
      ' chun\u017feed',
      '',
    ].map((value) => te(value)),
    ...[
      'Transfer-Encoding ',
      'Transfer-Encoding\t',
      ' Transfer-Encoding',
      '\tTransfer-Encoding',
      'Transfer-Encoding\0',
      'Transfer-Encoding\x0b',
      'Transfer-Encoding\x7f',
      'Transfer\r-Encoding',
      'X\nTransfer-Encoding',
      'X: y\nTransfer-Encoding',
      'X: y\rTransfer-Encoding',
      'X: y\r\r\nTransfer-Encoding',
      'Foo Transfer-Encoding',
      'Transfer-Encoding: chunked\r\n Transfer-Encoding',
    ].map((name) => te(' chunked', name)),
    ...[
      'Content-Length: 5\r\nContent-Length: 0',
      'Content-Length: 0, 5',
      'Content-Length: 5\r\nContent-Length : 0',
      'Content-Length: 5\r\n Content-Length: 0',
      'Content-Length:\r\n 5',
      'Content-Length: 0x5',
      'Content-Length: 5_',
      'Content-Length: +5',
      'Content-Length: \x0b5',
      'Content-Length: 5\x0b',
      'Content-Length: 5\0',
      'Content-Length: "5"',
      'Content-Length: 5.',
      'Content-Length: \xb2',
      'Content-Length: 18446744073709551621',
      'Content-Length: 4294967301 5',
    ].map((line) => `${POST}${line}\r\n\r\nhello${GET}\r\n`),
    ...[
      '5\n',
      '5\r',
      '5 \r\n',
      ' 5\r\n',
      '5\t\r\n',
      '+5\r\n',
      '0x5\r\n',
      '5_0\r\n',
      '5\0\r\n',
      '5;\n',
      '5;a=\n5\r\n',
      '5\r\n\r\n',
      '10000000000000005\r\n',
      '-0\r\n',
      '5\x0b\r\n',
      '5;\0\r\n',
      '5;\r\r\n',
    ].map((size) => `${POST}Transfer-Encoding: chunked\r\n\r\n${size}hello\r\n0\r\n\r\n`),
    ...[
      '5\r\nhello0\r\n\r\n',
      '5\r\nhello\n0\r\n\r\n',
      '5\r\nhello\r0\r\n\r\n',
      '5\r\nhelloXX0\r\n\r\n',
      '5\r\nhello\r\n0\r\nX\r\n\r\n',
      '5\r\nhello\r\n0\r\n: x\r\n\r\n',
      '5\r\nhello\r\n0\r\nX: a\n\r\n',
      '5\r\nhello\r\n0\r\nX : a\r\n\r\n',
      '5\r\nhello\r\n0\n\n',
    ].map((body) => `${POST}Transfer-Encoding: chunked\r\n\r\n${body}`),
    ...[
      'GET / HTTP/1.1\rHost: shop.localhost\r\n\r\n',
      'GET / HTTP/1.1\n\rHost: shop.localhost\r\n\r\n',
      'GET\x0b/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      'GET / HTTP/1.1\x0b\r\nHost: shop.localhost\r\n\r\n',
      'GET / HTTP/1.1\r\n\x20Host: shop.localhost\r\n\r\n',
      'GET /\x7f HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      'GET / HTTP/01.1\r\nHost: shop.localhost\r\n\r\n',
      'GET / HTTP/1.01\r\nHost: shop.localhost\r\n\r\n',
      'GET / HTTP/1,1\r\nHost: shop.localhost\r\n\r\n',
      'GET / XTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      '\r\n\r\nGET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      '\nGET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      'GET / / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      '"GET" / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      'GET:/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
      '\xef\xbb\xbfGET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n',
    ],
  ])('%j reaches the app as one message or not at all', async (bytes) => {
    const seen = await recording()
    expect(await exchange(bytes)).toMatch(/^HTTP\/1\.1 (400|505) [^]*Connection: close/)
    expect(seen.join('')).not.toMatch(/evil|\r\n\r\n[^]*GET/)
    for (const one of seen) expect(one).not.toMatch(/0\r\n\r\n$/)
  })
})

describe('ABUSE 51: Connection', () => {
  it('names away nothing that the router says, nor the host', async () => {
    const seen = await recording()
    const names = 'X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Port, X-Request-Id, X-Request-Start, Via, Host, Content-Length, Cookie, Authorization' // prettier-ignore
    const wire = (await world.dial()).send(`${POST}Cookie: a\r\nX-Kept: 1\r\nContent-Length: 2\r\nConnection: ${names}\r\n\r\nhi`)
    await wire.see('ok')
    for (const name of ['X-Forwarded-For: 127.0.0.1', 'X-Forwarded-Proto: http', 'X-Forwarded-Port: ', 'X-Request-Id: ', 'X-Request-Start: ', 'Via: 1.1 dozen', 'Host: shop.localhost', 'Content-Length: 2', 'X-Kept: 1']) expect(seen[0]).toContain(`${name}`) // prettier-ignore
  })

  it('may name thousands of fields without taking the router’s time from others', async () => {
    const seen = await recording()
    const connection = `Connection: ${Array.from({ length: 1_500 }, (_, i) => `a${i}`).join(',')}\r\n`
    const wire = (await world.dial()).send(`${GET}${connection.repeat(40)}${'A: b\r\n'.repeat(900)}\r\n`)
    await wire.see('ok')
    expect(seen[0]!.match(/A: b/g)).toHaveLength(900)
  })
})

describe('ABUSE 52: headers that claim', () => {
  it('are replaced, appended to or dropped, in every spelling', async () => {
    const seen = await recording()
    const claims = ['X-Forwarded-Proto: https', 'X-Forwarded-Port: 1', 'X-Forwarded-Host: evil', 'X-Request-Start: 6666', 'Forwarded: for=6.6.6.6', 'Proxy: http://6.6.6.6', 'X-Real-IP: 6.6.6.6', 'X_Forwarded_For: 6.6.6.6', 'X_Real_IP: 6.6.6.6', 'x_request_id: 6666', 'X-Request-Id: 6666', 'Proxy-Connection: 6666', 'TE: 6666'] // prettier-ignore
    const wire = (await world.dial()).send(
      `${GET}X-Forwarded-For: 203.0.113.9\r\nVia: 1.0 them\r\n${claims.join('\r\n')}\r\n\r\n`,
    )
    await wire.see('ok')
    expect(seen[0]).not.toMatch(/6666|6\.6\.6\.6|evil|https/)
    expect(seen[0]).toContain('X-Forwarded-For: 203.0.113.9, 127.0.0.1\r\n')
    expect(seen[0]).toContain('Via: 1.0 them, 1.1 dozen\r\n')
  })
})

describe('ABUSE 53: hosts', () => {
  beforeEach(async () => {
    const app = (id: string, host: string, address: string) => ({ id, name: id, hosts: [host], targets: [{ dyno: 'web.1', address }] }) // prettier-ignore
    const saying = (text: string) => world.app((req, res) => void res.end(`${text} ${req.headers.host}`))
    await world.route(app('a', 'a.example', await saying('app-a')), app('b', 'b.example', await saying('app-b')))
  })

  it.each([
    ['a.example:80', 'app-a'], ['A.EXAMPLE', 'app-a'], ['a.example.', 'app-a'], ['a.example.:8080', 'app-a'], ['a.example@b.example', '400'],
    ['127.0.0.1', '404'], ['', '400'], [`${'a'.repeat(300)}`, '400'], ['ä.example', '400'], ['a.example:99999', '400'], ['a.example, b.example', '400'],
    ['a.example b.example', '400'], ['a.example/../b.example', '400'], ['a.example#b.example', '400'], ['a.example?b', '400'], ['a.example\\b', '400'],
    ['a.example:80:81', '400'], ['a.example:b', '400'], ['[::1]', '404'], ['[::1', '400'], ['a.example%2eb', '400'], ['xa.example', '404'], ['.a.example', '400'],
    ['a.example\0', '400'], ['a.example\tb.example', '400'],
  ])('%j belongs to %s', async (host, expected) => {
    const text = await exchange(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    if (expected.startsWith('app')) expect(text).toContain(expected)
    else expect(text).toMatch(new RegExp(`^HTTP/1.1 ${expected}`))
  }) // prettier-ignore

  it('of the target outrank the field, and the app sees the one that counted', async () => {
    const text = await exchange('GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n')
    expect(text).toContain('app-b b.example')
  })

  it('of one connection may change with each request', async () => {
    const wire = (await world.dial()).send('GET / HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n')
    await wire.see(/app-a a.example[^]*app-b b.example/)
  })
})

describe('ABUSE 58: WebSockets', () => {
  const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

  it('that HTTP/1.0 or a body asks for are plain requests', async () => {
    const seen = await recording()
    await exchange(`GET / HTTP/1.0\r\nHost: shop.localhost\r\n${UPGRADE}\r\n`)
    await (await world.dial()).send(`${POST}${UPGRADE}Content-Length: 2\r\n\r\nhi`).see('ok')
    expect(seen.join('')).not.toMatch(/Upgrade/i)
  })

  it('may say that they have no body', async () => {
    await recording(SWITCH)
    await (await world.dial()).send(`${GET}${UPGRADE}Content-Length: 0\r\n\r\n`).see('101')
  })

  it.each(['h2c', 'HTTP/2.0, h2c', 'TLS/1.0', 'websocket, h2c'])('are no way to speak %s', async (protocol) => {
    const seen = await recording()
    await (await world.dial()).send(`${GET}Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nUpgrade: ${protocol}\r\n\r\n`).see('ok') // prettier-ignore
    expect(seen[0]).not.toMatch(/h2c|TLS|HTTP2/)
  })

  it('that the app opens unasked are H17', async () => {
    await recording(SWITCH)
    await (await world.dial()).send(`${GET}\r\n`).see('H17')
  })

  it('have no bytes before the app has agreed, and lose none after it refused', async () => {
    const seen = await recording()
    const wire = (await world.dial()).send(`${GET}${UPGRADE}\r\n${GET}X-Second: 1\r\n\r\n`)
    await wire.see(/ok[^]*ok/)
    expect(seen[0]).toMatch(/websocket\r\n[^]*\r\n\r\nGET \/ [^]*X-Second: 1/)
  })

  it('carry what one side sends after the other has ended', async () => {
    const address = await world.tcp((socket) => {
      socket.once('data', () => socket.write(SWITCH))
      socket.on('end', () => socket.end('last words'))
    })
    await world.serve(address)
    const wire = (await world.dial()).send(`${GET}${UPGRADE}\r\n`)
    await wire.see('101')
    wire.socket.end()
    expect(await wire.ended()).toMatch(/last words$/)
    await until(async () => (await world.status()).inflight[address] === 0)
  })

  it('carry 16 MiB both ways unchanged, with back-pressure', async () => {
    await world.serve(
      await world.tcp((socket) =>
        socket.once('data', () => {
          socket.write(SWITCH)
          socket.pipe(socket)
        }),
      ),
    )
    const chunk = Buffer.alloc(1 << 20, 'x0123456789')
    const [sent, got] = [createHash('sha1'), createHash('sha1')]
    let count = -SWITCH.length
    const echo = connect(world.router.http.port, '127.0.0.1', () => echo.write(`${GET}${UPGRADE}\r\n`))
    echo.on('data', (bytes: Buffer) => {
      got.update(count < 0 ? bytes.subarray(-count) : bytes)
      count += bytes.length
    })
    await until(() => count === 0)
    for (let i = 0; i < 16; i += 1) {
      sent.update(chunk)
      if (!echo.write(chunk)) await new Promise((resolve) => echo.once('drain', resolve))
    }
    await until(() => count === 16 * chunk.length, 30_000)
    expect(got.digest('hex')).toBe(sent.digest('hex'))
    echo.destroy()
  }, 40_000)
})

describe('ABUSE 59: an app that answers badly', () => {
  const bad = {
    'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
    'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
    'two codings': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'a bare CR': 'HTTP/1.1 200 OK\r\nA: b\rX: y\r\n\r\n',
    'a bare LF': 'HTTP/1.1 200 OK\nA: b\n\n',
    'a NUL': 'HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n',
    'a folded field': 'HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n',
    'status 099': 'HTTP/1.1 099 OK\r\n\r\n',
    'status 1000': 'HTTP/1.1 1000 OK\r\n\r\n',
    'status 600': 'HTTP/1.1 600 OK\r\n\r\n',
    'status 20': 'HTTP/1.1 20 OK\r\n\r\n',
    'a tab after the status': 'HTTP/1.1 200\tOK\r\n\r\n',
    'another protocol': 'SSH-2.0-x\r\n\r\n',
    'HTTP/0.9': '<html>hello</html>\r\n\r\n',
    'HTTP/1.2': 'HTTP/1.2 200 OK\r\n\r\n',
    'a leading line end': '\r\nHTTP/1.1 200 OK\r\n\r\n',
    'a name of no characters': 'HTTP/1.1 200 OK\r\n: a\r\n\r\n',
    'a space in a name': 'HTTP/1.1 200 OK\r\nA B: a\r\n\r\n',
    '1,001 fields': `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(1_001)}\r\n`,
    'a head without end': `HTTP/1.1 200 OK\r\n${`A: ${'b'.repeat(4_000)}\r\n`.repeat(200)}`,
    'interim answers without end': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(200),
    'an interim answer in HTTP/1.0': `HTTP/1.0 103 Hints\r\n\r\n${OK}`,
    'an interim answer with a length': `HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n${OK}`,
    'an interim answer that closes': `HTTP/1.1 103 Hints\r\nConnection: close\r\n\r\n${OK}`,
    'an interim answer that frames in two ways': 'HTTP/1.1 103 Hints\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n',
  }
  it.each(Object.entries(bad))('%s is H17, and the connection serves nobody again', async (_name, answer) => {
    let connections = 0
    const address = await world.tcp((socket) => {
      connections += 1
      socket.on('data', () => socket.write(answer, 'latin1'))
    })
    await world.serve(address)
    const wire = (await world.dial()).send(`${GET}\r\n`)
    expect(await wire.see('H17')).toMatch(/HTTP\/1.1 503 Service Unavailable\r\n/)
    wire.send(`${GET}\r\n`)
    await until(() => connections === 2)
    expect((await world.lines(2))[0]).toMatch(/at=error code=H17 .* status=503/)
  })

  it.each([
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n', 'H17'],
    ['a chunk longer than said', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokok\r\n0\r\n\r\n', 'H17'],
    ['a bad trailer', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA : b\r\n\r\n', 'H17'],
  ])('%s in its first bytes is H17, and later cuts the client off', async (_name, answer, code) => {
    await recording(answer)
    await (await world.dial()).send(`${GET}\r\n`).see(/^HTTP\/1.1 503 [^]*H17/)
    const at = answer.indexOf('\r\n\r\n') + 4
    await world.serve(
      await world.tcp((socket) =>
        socket.once('data', () => {
          socket.write(answer.slice(0, at) + '2\r\nhi\r\n')
          setTimeout(() => socket.write(answer.slice(at), 'latin1'), 50)
        }),
      ),
    )
    const text = await exchange(`${GET}\r\n`)
    expect(text).not.toMatch(/\r\n0\r\n/)
    expect((await world.lines(2))[1]).toMatch(new RegExp(`code=${code} .* status=200`))
  })

  it.each([
    ['204 with a body', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil'],
    ['304 with a body', 'HTTP/1.1 304 Not Modified\r\n\r\nevil'],
    ['more than the length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokevil'],
    ['two answers to one request', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
    ['bytes after the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nevil'],
    ['a 205 with a body', 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\nevil'],
  ])('%s: the rest reaches nobody', async (_name, answer) => {
    await recording(answer)
    const wire = (await world.dial()).send(`${GET}\r\n${GET}\r\n${GET}\r\n`)
    await world.lines(3)
    await wire.see(/(HTTP\/1.1 \d[^]*){3}/)
    expect(wire.text).not.toContain('evil')
  })

  it('to HEAD with a body: the rest reaches nobody', async () => {
    await recording('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    const wire = (await world.dial()).send('HEAD / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n'.repeat(3))
    await wire.see(/(Content-Length: 4[^]*){3}/)
    expect(wire.text).not.toContain('evil')
  })

  it('with bytes that nobody asked for, between two requests, loses that connection', async () => {
    let connections = 0
    await world.serve(
      await world.tcp((socket) => {
        connections += 1
        socket.on('data', () => socket.write(OK, () => setImmediate(() => socket.write('HTTP/1.1 200 OK\r\n\r\nevil'))))
      }),
    )
    for (let i = 0; i < 5; i += 1) expect((await world.get()).body).toBe('ok')
    await until(() => connections >= 1)
  })
})

describe('ABUSE 60: one client’s answer', () => {
  it('never reaches another client, while malformed requests fly on both sides', async () => {
    await world.serve(
      await world.app((req, res) => {
        const marker = String(req.headers['x-marker'])
        if (Number(marker.split('-')[1]) % 7 === 0) return void req.socket.end(`HTTP/1.1 200 OK\r\nX-Marker: ${marker}\r\nContent-Length: 3\r\n\r\n${marker}`) // prettier-ignore
        if (Number(marker.split('-')[1]) % 11 === 0) return void req.socket.destroy()
        res.setHeader('x-marker', marker)
        res.end(marker)
      }),
    )
    const tricks = [
      `${POST}Content-Length: 60\r\n\r\n${GET}X-Marker: evil\r\n\r\n`, `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}X-Marker: evil\r\n\r\n`,
      `${GET}X-Marker: evil\r\n\r\nGET`, `${GET}X-Marker: evil\r\n\r\n\0`, `${POST}Content-Length: 5\r\nX-Marker: evil\r\n\r\nab`,
      `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\nX-Marker: evil\r\n\r\n`,
    ] // prettier-ignore
    const attack = async (i: number) => {
      const wire = (await world.dial()).send(tricks[i % tricks.length]!)
      setImmediate(() => setImmediate(() => wire.socket.destroy()))
    }
    const visit = async (name: string) => {
      for (let i = 1; i <= 40; i += 1) {
        const marker = `${name}-${i}`
        await attack(i)
        const { status, headers, body } = await world.get('/', { headers: { 'x-marker': marker } }).catch(() => ({ status: 0, headers: {} as Record<string, unknown>, body: '' })) // prettier-ignore
        if (status === 200) expect([headers['x-marker'], marker.startsWith(body)]).toEqual([marker, true])
      }
    }
    await Promise.all(['alice', 'bob', 'carol'].map(visit))
  }, 30_000)
})

describe('ABUSE 61: slow clients', () => {
  it('hold up nobody else, and a head that drips ends in time all the same', async () => {
    await world.end()
    world = await new World().start({ idleMs: 4_000 })
    const large = 'x'.repeat(8_000_000)
    await world.serve(
      await world.app((req, res) => {
        if (req.url === '/large') res.end(large)
        else req.resume().on('end', () => res.end('ok'))
      }),
    )
    const many = (count: number, begin: string) =>
      Promise.all(Array.from({ length: count }, async () => (await world.dial()).send(begin)))
    const heads = await many(500, 'GET / HT')
    const bodies = await many(200, `${POST}Content-Length: 100000\r\n\r\n`)
    const readers = await many(100, `GET /large HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`)
    for (const { socket } of readers) socket.pause()
    const dripping = setInterval(() => {
      for (const wire of heads) if (!wire.isEnded) wire.send('T')
      for (const wire of bodies) if (!wire.isEnded) wire.send('b')
    }, 500)
    world.onEnd(() => clearInterval(dripping))
    while (!heads.every(({ isEnded }) => isEnded)) expect((await world.get()).body).toBe('ok')
    expect(heads.every(({ text }) => text.startsWith('HTTP/1.1 408'))).toBe(true)
    expect(bodies.some(({ isEnded }) => isEnded)).toBe(false) // they do arrive
  })
})

describe('ABUSE 62: too much of it', () => {
  it.each([
    ['100,000 fields', `${GET}${'A: b\r\n'.repeat(100_000)}\r\n`, 431],
    ['a cookie of 1 MB', `${GET}Cookie: ${'a'.repeat(1_000_000)}\r\n\r\n`, 431],
    ['a URL of 64 KiB', `GET /${'a'.repeat(65_536)} HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`, 414],
    ['a method of 64 KiB', `${'A'.repeat(65_536)} / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`, 414],
    ['a head of 900 long fields', `${GET}${`A: ${'b'.repeat(8_000)}\r\n`.repeat(900)}\r\n`, 431],
  ])('%s is refused', async (_name, bytes, status) => {
    const seen = await recording()
    const wire = (await world.dial()).send(bytes)
    await wire.see(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(seen).toEqual([])
  })

  it('100,000 pipelined requests are answered in order, a few at a time', async () => {
    await recording()
    const wire = await world.dial()
    wire.socket.removeAllListeners('data')
    let answers = 0
    wire.socket.on('data', (chunk: string) => (answers += chunk.split('200 OK').length - 1))
    for (let i = 0; i < 10; i += 1) wire.send(`${GET}\r\n`.repeat(1_000))
    await until(() => answers > 9_900, 30_000)
  }, 40_000)
})

describe('ABUSE 63: paths', () => {
  it.each(['//', '/../', '/./a/../b', '/%2e%2e/', '/%00', '/a;b=c', '/?', '/a?b?c', '/%', '/%zz', '/\xe4\xff', '/a\\b', '/"<>`{}|^', '/a//b', '/*', '/:80'])('%j reaches the app unchanged', async (path) => {
    const seen = await recording()
    await (await world.dial()).send(`GET ${path} HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`).see('ok')
    expect(seen[0]).toMatch(/^GET /)
    expect(seen[0]!.slice(4, seen[0]!.indexOf(' HTTP/1.1'))).toBe(path)
  }) // prettier-ignore
})

describe('ABUSE 64: no open proxy', () => {
  it.each([
    ['CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n', '405'],
    ['CONNECT shop.localhost:80 HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '405'],
    ['CONNECT / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '40\\d'],
    ['TRACE / HTTP/1.1\r\nHost: shop.localhost\r\nCookie: secret\r\n\r\n', '405'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505'],
    ['GET http://169.254.169.254/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '404'],
    ['GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n', '404'],
    ['GET 127.0.0.1:22 HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '400'],
    ['GET shop.localhost/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '400'],
    ['GET file:///etc/passwd HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '400'],
    ['GET * HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '400'],
    ['OPTIONS http://169.254.169.254 HTTP/1.1\r\nHost: shop.localhost\r\n\r\n', '404'],
  ])('%j → %s', async (bytes, status) => {
    const seen = await recording()
    const wire = (await world.dial()).send(bytes)
    const text = await wire.see(/\r\n\r\n/)
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).not.toContain('secret')
    if (status === '405') expect(text).toMatch(/\r\nAllow: GET, /)
    expect(seen).toEqual([])
  })
})

describe('RFC 9112 and 9110, the odd corners', () => {
  it('100-continue goes end to end, and its final answer may come instead', async () => {
    const seen = await recording((head) => (head.includes('/no') ? 'HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n' : 'HTTP/1.1 100 Continue\r\n\r\n')) // prettier-ignore
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: shop.localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n`
    const wire = (await world.dial()).send(head('/yes'))
    expect(await wire.see('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    wire.send('abc')
    await until(() => seen[0]!.endsWith('abc'))
    expect(await exchange(head('/no'))).toMatch(/^HTTP\/1.1 413 No\r\n[^]*Connection: close\r\n\r\n$/)
    expect(await exchange(`${POST}Expect: 200-ok\r\nContent-Length: 3\r\n\r\n`)).toMatch(/^HTTP\/1.1 417 /)
  })

  it('100-continue of an HTTP/1.0 client is nobody’s', async () => {
    const seen = await recording(`HTTP/1.1 103 Hints\r\n\r\n${OK}`)
    const text = await exchange('POST / HTTP/1.0\r\nHost: shop.localhost\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1.1 200 OK/)
    expect(seen[0]).not.toMatch(/Expect/)
  })

  it('an early answer passes while the upload goes on, and both end', async () => {
    let body = ''
    await world.serve(
      await world.tcp((socket) => {
        socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n'))
        socket.on('data', (chunk) => {
          body += chunk.toString()
          if (body.endsWith('last')) socket.write('4\r\nlate\r\n0\r\n\r\n')
        })
      }),
    )
    const wire = (await world.dial()).send(`${POST}Content-Length: 8\r\n\r\n`)
    wire.send('more')
    await wire.see('early')
    wire.send('last')
    expect(await wire.ended()).toMatch(/4\r\nlate\r\n0\r\n\r\n$/)
  })

  it('a client that has ended is answered all it asked for', async () => {
    await recording()
    const wire = (await world.dial()).send(`${GET}\r\n${GET}\r\n${GET}\r\n`)
    wire.socket.end()
    expect((await wire.ended()).match(/200 OK/g)).toHaveLength(3)
  })

  it('Connection: close ends the connection after its answer, whatever was pipelined', async () => {
    await recording()
    expect((await exchange(`${GET}Connection: close\r\n\r\n${GET}\r\n`)).match(/200 OK/g)).toHaveLength(1)
  })

  it('one empty line before a request is overlooked, also after a body', async () => {
    await recording()
    await (await world.dial()).send(`\r\n${POST}Content-Length: 2\r\n\r\nhi\r\n${GET}\r\n`).see(/ok[^]*ok/)
  })

  it('trailers pass both ways, announced and checked', async () => {
    const seen = await recording('HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nSet-Cookie: evil\r\n\r\n') // prettier-ignore
    const wire = (await world.dial()).send(`${POST}Trailer: X-Mine\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Mine: 2\r\nX-Forwarded-For: evil\r\n\r\n`) // prettier-ignore
    expect(await wire.see(/X-Sum: 1\r\n\r\n$/)).not.toContain('evil')
    await until(() => seen[0]!.endsWith('2\r\nhi\r\n0\r\nX-Mine: 2\r\n\r\n'))
  })

  it('IPv6 works on both sides', async () => {
    await world.router.close()
    await world.start({}, { httpHost: '::1' })
    const server = await world.app6((req, res) => void res.end(String(req.headers['x-forwarded-for'])))
    await world.serve(server)
    const { port } = world.router.http
    expect(await call({ host: '::1', port, headers: { host: 'shop.localhost' } })).toMatchObject({ status: 200, body: '::1' })
    expect((await world.lines())[0]).toContain('fwd="::1"')
    expect((await call({ host: '::1', port, headers: { host: `[::1]:${port}` } })).status).toBe(404)
  })

  it('an answer without a Date gets one, one with a Date keeps it', async () => {
    await recording((head) => (head.includes('/old') ? OK.replace('OK\r\n', 'OK\r\nDate: then\r\n') : OK))
    expect(await exchange(`${GET}Connection: close\r\n\r\n`)).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/)
    expect(await exchange(`GET /old HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n`)).toMatch(/\r\nDate: then\r\n/)
  })
})
