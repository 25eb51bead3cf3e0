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

  it('are not offered to TLS 1.1', async () => {
    const socket = connect({ port: world.router.https!.port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }) // prettier-ignore
    const [error] = (await once(socket, 'error')) as [Error]
    expect(error.message).toMatch(/protocol version/i)
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
