import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as h2connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { trustedProxies } from './address.ts'
import { writeFallbackCertificate } from './fallback-certificate.ts'
import { until, World } from './testing.ts'
import { Tickets } from './tickets.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-tls-'))
  await writeFallbackCertificate(join(folder, 'one.pem'))
  await writeFallbackCertificate(join(folder, 'two.pem'))
})
afterAll(() => rmSync(folder, { recursive: true }))

let world: World
beforeEach(async () => {
  world = await new World().start()
})
afterEach(() => world.end())

async function serial(servername: string): Promise<string> {
  const { port } = world.router.https!
  const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

describe('certificates', () => {
  it('are chosen by the name asked for, wildcards for one label, and changed without a restart', async () => {
    const certs = join(world.folder, 'certs')
    const other = await serial('nobody.test')
    copyFileSync(join(folder, 'one.pem'), join(certs, 'a.test.pem'))
    copyFileSync(join(folder, 'two.pem'), join(certs, '*.w.test.pem'))
    const [one, two] = [await serial('a.test'), await serial('x.w.test')]
    expect(new Set([other, one, two]).size).toBe(3)
    expect(await serial('A.TEST')).toBe(one)
    expect(await serial('y.x.w.test')).toBe(other)
    expect(await serial('../../etc/passwd')).toBe(other)
    copyFileSync(join(folder, 'two.pem'), join(certs, 'new'))
    renameSync(join(certs, 'new'), join(certs, 'a.test.pem'))
    expect(await serial('a.test')).toBe(two)
  })

  it('serve on when a new one is broken', async () => {
    const path = join(world.folder, 'certs', 'a.test.pem')
    copyFileSync(join(folder, 'one.pem'), path)
    const one = await serial('a.test')
    writeFileSync(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(await serial('a.test')).toBe(one)
  })

  it.each([
    ['TLS 1.1', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }],
    ['CBC', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA' }],
    ['RSA key exchange', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES256-SHA' }],
  ] as const)('are not offered to %s', async (_what, options) => {
    const socket = connect({ port: world.router.https!.port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
    const [error] = (await once(socket, 'error')) as [Error]
    expect(error.message).toMatch(/protocol version|handshake failure/i)
  })

  it('are shown for whatever name is asked for, or none: the self-signed one unless there is a better (ABUSE 55)', async () => {
    const certs = join(world.folder, 'certs')
    copyFileSync(join(folder, 'one.pem'), join(certs, 'a.test.pem'))
    const [other, one] = [await serial('nobody.test'), await serial('a.test')]
    const long = `${'x'.repeat(60)}.`.repeat(4)
    const odd = ['', 'b.a.test', 'a.test.evil', '*.a.test', 'a.test/../a.test', '%61.test', 'test', 'localhost', `${long}test`]
    for (const name of odd) expect([name, await serial(name)]).toEqual([name, other])
    expect(await serial('a.test.')).toBe(one)
    const asked = await Promise.all(Array.from({ length: 300 }, (_, i) => serial(`r${i}.${Math.random()}.test`)))
    expect(new Set(asked)).toEqual(new Set([other]))
  })

  it('do not decide where a request goes: its Host does (ABUSE 54)', async () => {
    copyFileSync(join(folder, 'one.pem'), join(world.folder, 'certs', 'a.test.pem'))
    const answering = (text: string) => world.app((_req, res) => void res.end(text))
    const targets = async (text: string) => [{ dyno: 'web.1', address: await answering(text) }]
    await world.route({ id: 'a', hosts: ['a.test'], targets: await targets('a') }, { id: 'b', hosts: ['b.test'], targets: await targets('b') }) // prettier-ignore
    const socket = connect({ port: world.router.https!.port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false })
    let text = ''
    socket.on('data', (part) => (text += String(part)))
    for (const host of ['a.test', 'b.test', 'a.test', 'c.test']) socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n\r\n`) // prettier-ignore
    await until(() => text.match(/HTTP\/1.1 /g)?.length === 4 && text.includes('unknown_host'))
    socket.destroy()
    expect(text.match(/HTTP\/1.1 \d+|\r\n\r\n[ab](?=HTTP|$)/g)).toEqual(['HTTP/1.1 200', '\r\n\r\na', 'HTTP/1.1 200', '\r\n\r\nb', 'HTTP/1.1 200', '\r\n\r\na', 'HTTP/1.1 404']) // prettier-ignore
  })

  it('are not renegotiated (ABUSE 66)', async () => {
    const { port } = world.router.https!
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    await once(socket, 'secureConnect')
    const failure = await new Promise((resolve) => {
      socket.on('error', resolve).on('close', () => resolve('closed'))
      socket.renegotiate({ rejectUnauthorized: false }, resolve)
    })
    socket.destroy()
    expect(failure).toBeTruthy()
  })
})

describe('session tickets', () => {
  /** Connects, with a session if there is one; says whether it was resumed, and gives the next session. */
  async function visit(
    session?: Buffer,
    maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
  ): Promise<{ isResumed: boolean; session: Buffer }> {
    const { port } = world.router.https!
    const socket = connect({ port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false, maxVersion, ...(session && { session }) }) // prettier-ignore
    let next: Buffer | undefined
    socket.on('session', (given: Buffer) => (next = given))
    await once(socket, 'secureConnect')
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    const isResumed = socket.isSessionReused()
    const got = isResumed ? session! : await until(() => next)
    socket.destroy()
    return { isResumed, session: got }
  }

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'resume a session of %s, also after a certificate was swapped, until their keys change',
    async (version) => {
      const certs = join(world.folder, 'certs')
      copyFileSync(join(folder, 'one.pem'), join(certs, 'a.test.pem'))
      const { session } = await visit(undefined, version)
      expect((await visit(session, version)).isResumed).toBe(true)
      copyFileSync(join(folder, 'two.pem'), join(certs, 'new'))
      renameSync(join(certs, 'new'), join(certs, 'a.test.pem'))
      expect((await visit(session, version)).isResumed).toBe(true)
      await world.router.close()
      await world.start({ ticketMs: 500 })
      const soon = await visit(undefined, version)
      const at = Date.now()
      await until(() => Date.now() - at > 600)
      expect((await visit(soon.session, version)).isResumed).toBe(false)
      expect((await visit(session, version)).isResumed).toBe(false)
    },
  )

  it('have the same keys in every process at the same time, and old ones cannot be had from new ones', () => {
    const mine = new Tickets(Buffer.alloc(48, 1), 1_000, 100)
    const first = mine.current(1_050)
    const theirs = Tickets.from(mine.state, 100)
    expect(mine.current(1_099)).toBe(first)
    expect(theirs.current(1_350)).toEqual(mine.current(1_350))
    expect(mine.current(1_350)).not.toEqual(first)
    expect(mine.current(1_350)).toHaveLength(48)
    expect(Tickets.from(mine.state, 100).current(1_000)).toEqual(mine.current(1_350))
  })
})

describe('HTTP/2', () => {
  let session: ClientHttp2Session
  beforeEach(() => {
    session = h2connect(`https://127.0.0.1:${world.router.https!.port}`, { rejectUnauthorized: false })
    session.on('error', () => {})
    world.onEnd(() => session.destroy())
  })

  async function ask(headers: OutgoingHttpHeaders, body?: string | Buffer) {
    const stream = session.request({ ':authority': 'shop.localhost', ...headers }, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    let status = 0
    let got: Record<string, unknown> = {}
    let trailers: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', (answer) => {
      status = answer[':status']!
      got = answer
    })
    stream.on('trailers', (answer) => (trailers = answer))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    await new Promise<void>((resolve) => stream.on('close', resolve).on('error', () => {}))
    return { status, headers: got, trailers, body: Buffer.concat(chunks).toString() }
  }

  it('reaches the app as HTTP/1.1 with the same headers as any request', async () => {
    await world.serve(
      await world.app((req, res) =>
        res.end(JSON.stringify({ method: req.method, url: req.url, version: req.httpVersion, ...req.headers })),
      ),
    )
    const answer = await ask({ ':path': '//a?b', cookie: ['a=1', 'b=2'], 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6' })
    expect(JSON.parse(answer.body)).toMatchObject({
      method: 'GET', url: '//a?b', version: '1.1', host: 'shop.localhost', cookie: 'a=1; b=2', 'x-forwarded-proto': 'https',
      'x-forwarded-for': '6.6.6.6, 127.0.0.1', 'x-forwarded-port': String(world.router.https!.port),
    }) // prettier-ignore
    expect(JSON.parse(answer.body)['x-real-ip']).toBeUndefined()
    expect((await world.lines())[0]).toMatch(/status=200 .*protocol=http2 tls=true$/)
  })

  it('carries bodies both ways, with and without a length, and trailers', async () => {
    await world.serve(
      await world.app((req, res) => {
        res.writeHead(200, { trailer: 'x-sum' })
        req.pipe(res, { end: false })
        req.on('end', () => {
          res.addTrailers({ 'x-sum': '1' })
          res.end()
        })
      }),
    )
    const body = Buffer.alloc(3_000_000, 'x123')
    for (const length of [{}, { 'content-length': String(body.length) }]) {
      const answer = await ask({ ':method': 'POST', ':path': '/', ...length }, body)
      expect([answer.status, answer.body.length, answer.trailers['x-sum']]).toEqual([200, body.length, '1'])
      expect(answer.body === body.toString()).toBe(true)
    }
  })

  it('runs requests of one connection side by side', async () => {
    const held: (() => void)[] = []
    await world.serve(await world.app((req, res) => (req.url === '/held' ? held.push(() => res.end('late')) : res.end('now'))))
    const late = ask({ ':path': '/held' })
    await until(() => held.length === 1)
    expect((await ask({ ':path': '/' })).body).toBe('now')
    held[0]!()
    expect((await late).body).toBe('late')
  })

  it('gets the router’s pages', async () => {
    await world.route({ state: 'stopped' })
    expect(await ask({ ':path': '/', accept: 'application/json' })).toMatchObject({
      status: 503,
      body: expect.stringContaining('H14'),
    })
    expect((await ask({ ':path': '/', ':authority': 'nobody.localhost' })).status).toBe(404)
    expect((await ask({ ':path': '/#x' })).status).toBe(400)
    expect((await ask({ ':method': 'TRACE', ':path': '/' })).status).toBe(405)
  })

  it('that is reset is H27, and the app’s connection is cut', async () => {
    const address = await world.app(() => {})
    await world.serve(address)
    const stream = session.request({ ':authority': 'shop.localhost', ':path': '/' })
    stream.on('error', () => {})
    await until(async () => (await world.status()).inflight[address] === 1)
    stream.close(8)
    expect((await world.lines())[0]).toContain('code=H27')
    expect((await world.status()).inflight[address]).toBe(0)
  })
})

describe('DOZEN_TRUSTED_PROXIES', () => {
  it('names addresses and networks', () => {
    const isTrusted = trustedProxies('10.0.0.0/8, 192.0.2.1,fd00::/8')
    expect(['10.1.2.3', '192.0.2.1', 'fd12::1', '192.0.2.2', '11.0.0.1', '::1'].map(isTrusted)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    expect(() => trustedProxies('10.0.0.0/33')).toThrow('DOZEN_TRUSTED_PROXIES has "10.0.0.0/33"')
  })

  it('lets a trusted one say what its client’s protocol and host were, and nobody else', async () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-port': '443', 'x-forwarded-host': 'a.test' }
    const seen: Record<string, unknown>[] = []
    const address = await world.app((req, res) => {
      seen.push(req.headers)
      res.end()
    })
    await world.serve(address)
    await world.get('/', { headers })
    await world.router.close()
    await world.start({}, { isTrusted: trustedProxies('127.0.0.1') })
    await world.get('/', { headers })
    expect(seen[0]).toMatchObject({ 'x-forwarded-proto': 'http' })
    expect(seen[0]!['x-forwarded-host']).toBeUndefined()
    expect(seen[1]).toMatchObject(headers)
  })
})
