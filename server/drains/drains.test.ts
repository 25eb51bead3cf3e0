import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttp, type IncomingHttpHeaders } from 'node:http'
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { createServer as createTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Db } from '../../db/open.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { apiCertificate } from '../api/ca.ts'
import { systemClock as clock } from '../clock.ts'
import { systemIds as ids } from '../ids.ts'
import { logStream } from '../logs/stream.ts'
import { vault as makeVault } from '../secrets/vault.ts'
import { drains as makeDrains } from './drains.ts'
import { isInside } from '../outside.ts'
import { parseTarget } from './target.ts'

let folder: string
let db: Db
let life: AbortController
let stream: ReturnType<typeof logStream>
const vault = makeVault(randomBytes(32))
const closers: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-drains-'))
  db = shopDb()
  life = new AbortController()
  stream = logStream({ folder, clock, bytesPerApp: 1 << 20 })
})
afterEach(() => {
  life.abort()
  for (const close of closers.splice(0)) close()
  stream.flush()
  rmSync(folder, { recursive: true, force: true })
})

const make = (over: Partial<Parameters<typeof makeDrains>[0]> = {}) =>
  makeDrains({ db, vault, clock, ids, stream, isInsideAllowed: true, ...over })
const say = (line: string) => stream.publish({ appId: shop.id, source: 'app', dyno: 'web.1', text: line })
const lines = async (grep: string) => (await stream.read(shop.id, { grep })).map((line) => line.text)
const until = (isSo: () => boolean | Promise<boolean>) => expect.poll(isSo, { timeout: 15_000 }).toBe(true)

function listening(server: Server, port = 0): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  closers.push(() => (sockets.forEach((socket) => socket.destroy()), server.close()))
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}

/** A syslog receiver that counts octets, as RFC 6587 says. */
function receiver(onMessage: (message: string) => void) {
  return (socket: Socket) => {
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let match; (match = /^(\d+) /.exec(rest.toString('latin1', 0, 12)));) {
        const [from, length] = [match[0].length, Number(match[1])]
        if (rest.length < from + length) return
        onMessage(rest.toString('utf8', from, from + length))
        rest = rest.subarray(from + length)
      }
    })
  }
}

describe('a drain', () => {
  it('sends what comes from now on by syslog over TCP, in order, whatever the text is', async () => {
    const got: string[] = []
    const port = await listening(createTcp(receiver((message) => got.push(message))))
    say('before')
    const drains = make()
    drains.run(life.signal)
    const { token } = await drains.add(shop, user, `syslog://127.0.0.1:${port}`)
    const texts = ['one', 'zwei ü 12 <5>', ...Array.from({ length: 500 }, (_, i) => `line ${i}`)]
    texts.forEach(say)
    await until(() => got.length >= 503)
    expect(got[0]).toMatch(/app api - - Add drain syslog:/)
    expect(got.slice(1).map((message) => message.replace(/^.*?web\.1 - - /, ''))).toEqual(texts)
    expect(got[1]).toMatch(new RegExp(`^<190>1 \\d{4}-\\d\\d-\\d\\dT[\\d:.]+\\+00:00 ${token} app web\\.1 - - one$`))
  })

  it('sends by TLS, by UDP, and by HTTP in both framings', async () => {
    const got: string[] = []
    const posts: { headers: IncomingHttpHeaders; body: string }[] = []
    const certificate = await apiCertificate(folder, ['localhost', '127.0.0.1'], clock.now())
    const ca = (await import('node:fs')).readFileSync(join(folder, 'ca.pem'), 'utf8')
    const tls = await listening(
      createTls(
        certificate,
        receiver((message) => got.push(`tls ${message}`)),
      ),
    )
    const udp = createSocket('udp4', (message) => got.push(`udp ${String(message)}`)).bind(0, '127.0.0.1')
    await new Promise((resolve) => udp.once('listening', resolve))
    closers.push(() => udp.close())
    const web = await listening(
      createHttp((req, res) => void text(req).then((body) => (posts.push({ headers: req.headers, body }), res.end()))),
    )
    const drains = make({ ca })
    drains.run(life.signal)
    for (const url of [`syslog+tls://localhost:${tls}`, `syslog+udp://127.0.0.1:${udp.address().port}`, `http://me:pw@127.0.0.1:${web}/in?x=1`, `http+ndjson://127.0.0.1:${web}/json`]) await drains.add(shop, user, url) // prettier-ignore
    say('hello')
    await until(() => ['tls', 'udp'].every((way) => got.some((one) => one.startsWith(way) && one.endsWith('hello'))))
    await until(() => posts.filter(({ body }) => body.includes('hello')).length === 2)
    const framed = posts.find(
      ({ headers, body }) => headers['content-type'] === 'application/logplex-1' && body.includes('hello'),
    )!
    expect(framed.headers.authorization).toBe(`Basic ${Buffer.from('me:pw').toString('base64')}`)
    expect(Number(framed.headers['logplex-msg-count'])).toBe(framed.body.trimEnd().split('\n').length)
    expect(framed.body).toMatch(/(^|\n)\d+ <190>1 \S+ host app web\.1 - hello\n/)
    const json = posts.find(({ headers, body }) => headers['content-type'] === 'application/x-ndjson' && body.includes('hello'))!
    expect(JSON.parse(json.body.trimEnd().split('\n').at(-1)!)).toMatchObject({ source: 'app', dyno: 'web.1', text: 'hello' })
    const told = (await lines('Add drain')).join()
    expect(told).toContain('/in?… by user')
    for (const secret of ['pw', 'x=1']) expect(told).not.toContain(secret)
    say('é'.repeat(1_000))
    await until(() => got.some((one) => one.startsWith('udp') && one.endsWith('éé')))
  })

  it('waits for a receiver that is away, over a restart too, and says so', async () => {
    const probe = createTcp()
    const port = await listening(probe)
    closers.pop()!()
    const first = make()
    first.run(life.signal)
    await first.add(shop, user, `syslog://127.0.0.1:${port}`)
    say('early')
    await until(async () => (await lines('Error L10 (Drain unreachable)')).length > 0)
    life.abort()
    life = new AbortController()
    say('meanwhile')
    const got: string[] = []
    await listening(createTcp(receiver((message) => got.push(message))), port)
    make().run(life.signal)
    await until(() => got.some((message) => message.endsWith('meanwhile')))
    expect(got.filter((message) => /early|meanwhile/.test(message)).map((message) => message.split(' ').at(-1))).toEqual([
      'early',
      'meanwhile',
    ])
  })

  it('counts what was dropped before it could be sent', { timeout: 20_000 }, async () => {
    stream = logStream({ folder, clock, bytesPerApp: 64 * 1024 })
    const drains = make()
    await drains.add(shop, user, 'syslog://127.0.0.1:1') // nothing runs yet
    say('lost')
    for (let i = 0; i < 3000; i++) {
      say('x'.repeat(200))
      if (i % 50 === 0) stream.flush()
    }
    stream.flush()
    const got: string[] = []
    const port = await listening(createTcp(receiver((message) => got.push(message))))
    db.prepare('UPDATE drains SET sealed_url = ?').run(
      vault.seal(`syslog://127.0.0.1:${port}`, `drain/${drains.list(shop.id)[0]!.id}`),
    )
    make().run(life.signal)
    await until(() => got.some((message) => message.includes('L10 (Drain buffer overflow)')))
    const dropped = Number(/-> (\d+) messages/.exec((await lines('overflow'))[0]!)![1])
    const sent = got.filter((message) => message.endsWith('x'.repeat(200))).length
    expect(dropped + sent).toBeGreaterThanOrEqual(3000)
    expect(got.some((message) => message.endsWith('lost'))).toBe(false)
  })

  it('takes one line on demand, or says why not', async () => {
    const got: string[] = []
    const port = await listening(createTcp(receiver((message) => got.push(message))))
    const drains = make()
    const { id } = await drains.add(shop, user, `syslog://127.0.0.1:${port}`)
    expect((await drains.test(shop, user, id)).drain.id).toBe(id)
    await until(() => got.some((message) => message.endsWith(`Test of this drain by user ${user.email}`)))
    closers.pop()!()
    await expect(drains.test(shop, user, id)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('took no line') as string }) // prettier-ignore
  })

  it('stops when it is removed, and is found by URL, id and token', async () => {
    const drains = make()
    const url = 'https://logs.example.com/in'
    const { id, token } = await drains.add(shop, user, url)
    for (const name of [id, token, url]) expect(drains.find(shop, name).id).toBe(id)
    await expect(drains.add(shop, user, url)).rejects.toThrow('already')
    drains.remove(shop, user, url)
    expect(() => drains.find(shop, id)).toThrow()
  })
})

describe('where a drain may lead', () => {
  it.each(['', 'logs.example.com', 'ftp://x', 'file:///etc/passwd', 'gopher://x', 'unix:/x', 'syslog://', 'https://x:99999'])(
    'not to %j',
    (url) => expect(make().add(shop, user, url)).rejects.toThrow('is no drain address'),
  )
  it.each([
    'syslog://127.0.0.1:514',
    'https://[::1]/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://169.254.169.254/',
    'http://localhost/',
    'https://10.1.2.3',
    'http://[::ffff:127.0.0.1]/',
  ])('not inside: %s', (url) =>
    expect(make({ isInsideAllowed: false }).add(shop, user, url)).rejects.toThrow(/inside this machine/),
  )
  it('not inside by a name that resolves there', async () => {
    const added = make({ isInsideAllowed: false }).add(shop, user, `http://${hostname()}:80/`)
    await expect(added).rejects.toThrow(/inside this machine/)
  })
  it('not inside by a name that changes its mind: checked when it connects', async () => {
    let asked = 0
    const port = await listening(createHttp((_req, res) => (asked++, res.end())))
    await make().add(shop, user, `http://${hostname()}:${port}/`)
    make({ isInsideAllowed: false }).run(life.signal)
    say('x')
    await until(async () => (await lines('is an address inside this machine')).length > 0)
    expect(asked).toBe(0)
  })
  it('not inside by a redirect', async () => {
    let asked = 0
    const inner = await listening(createHttp((_req, res) => (asked++, res.end())))
    const outer = await listening(createHttp((_req, res) => res.writeHead(302, { location: `http://127.0.0.1:${inner}/` }).end()))
    const drains = make()
    drains.run(life.signal)
    await drains.add(shop, user, `http://127.0.0.1:${outer}/`)
    await until(async () => (await lines('it answered 302')).length > 0)
    expect(asked).toBe(0)
  })
  it('has the ports of its scheme', () => {
    expect(parseTarget('syslog+tls://x')).toMatchObject({ host: 'x', port: 6514 })
    expect(parseTarget('https://x/a?b')).toMatchObject({ port: 443, path: '/a?b' })
    expect(parseTarget('https://x:80/')).toMatchObject({ port: 80 })
    expect(parseTarget('http://[2001:db8::1]:9/')).toMatchObject({ host: '2001:db8::1', port: 9 })
  })
  it.each([
    ['8.8.8.8', false],
    ['2606:4700::1111', false],
    ['172.31.0.1', true],
    ['fe80::1', true],
    ['fd00::1', true],
    ['::', true],
    ['2002:7f00:1::', true],
    ['64:ff9b::7f00:1', true],
    ['::ffff:7f00:1', true],
  ])('%s inside: %s', (address, so) =>
    // prettier-ignore
    expect(isInside(address)).toBe(so),
  )
})
