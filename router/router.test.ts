import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startRouter } from './router.ts'
import { ALONE, World } from './testing.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.end())

const hello = () => world.app((_req, res) => void res.end('hello'))

describe('the route table', () => {
  it('is acknowledged once it is in force, and again when it is sent again', async () => {
    await world.start()
    const table = world.table({ targets: [{ dyno: 'web.1', address: await hello() }] })
    expect(await world.control('PUT', '/table', table)).toMatchObject({ status: 200, body: '{"version":1}' })
    expect((await world.get()).body).toBe('hello')
    expect(await world.control('PUT', '/table', table)).toMatchObject({ status: 200, body: '{"version":1}' })
  })

  it('never goes back to an older version', async () => {
    await world.start()
    const old = world.table()
    await world.serve(await hello())
    expect(await world.control('PUT', '/table', old)).toMatchObject({ status: 409, body: '{"version":2}' })
    expect((await world.get()).body).toBe('hello')
  })

  it('is refused with the name of the wrong field', async () => {
    await world.start()
    const answer = await world.control('PUT', '/table', {
      version: 1,
      apps: [{ id: 'a1', name: 'shop', hosts: 'shop.localhost' }],
    })
    expect(answer.status).toBe(400)
    expect(answer.body).toContain('apps[].hosts')
  })

  it('is served from disk before anyone calls', async () => {
    await world.start()
    await world.serve(await hello())
    await world.router.close()
    await world.start()
    expect((await world.get()).body).toBe('hello')
    expect((await world.status()).version).toBe(1)
  })

  it('leaves requests in flight alone and counts them until they are over', async () => {
    await world.start()
    const old = await world.app((_req, res) => {
      res.write('one ')
      finish = () => res.end('two')
    })
    let finish = () => {}
    await world.serve(old)
    const wire = (await world.dial()).send('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')
    await wire.see('one ')
    await world.serve(await hello())
    expect((await world.status()).inflight[old]).toBe(1)
    expect((await world.get()).body).toBe('hello')
    finish()
    await wire.see('two')
    await world.lines(2)
    expect((await world.status()).inflight[old]).toBeUndefined()
  })
})

describe('an app without targets', () => {
  it.each([
    [{ state: 'crashed' }, 'H10'],
    [{ state: 'stopped' }, 'H14'],
    [{ state: 'blank' }, 'H81'],
    [{ state: 'serving', maintenance: true }, 'H80'],
  ] as const)('%j answers 503 with %s, on the page and in the line', async (app, code) => {
    await world.start()
    await world.route(app)
    const answer = await world.get('/x?y=1', { headers: { 'x-request-id': '01234567890123456789' } })
    expect(answer.status).toBe(503)
    expect(answer.headers['content-type']).toMatch('text/html')
    expect(answer.body).toContain(code)
    expect(answer.body).toContain('01234567890123456789')
    expect((await world.lines())[0]).toMatch(
      new RegExp(
        `^a1 \\d{16} at=(info|error) code=${code} desc="[^"]+" method=GET path="/x\\?y=1" host=shop.localhost request_id=0123`,
      ),
    )
  })

  it('answers JSON to a client that prefers it', async () => {
    await world.start()
    await world.route({ state: 'stopped' })
    const answer = await world.get('/', { headers: { accept: 'application/json' } })
    expect(JSON.parse(answer.body)).toMatchObject({ id: 'H14' })
  })

  it('holds a request while it starts, and serves it by the table that brings a target', async () => {
    await world.start()
    await world.route({ state: 'starting' })
    const waiting = world.get()
    await world.route({ state: 'starting' })
    await world.serve(await hello())
    expect((await waiting).body).toBe('hello')
  })

  it('answers H20 when it never starts', async () => {
    await world.start({ bootWaitMs: 30 })
    await world.route({ state: 'starting' })
    expect((await world.get()).body).toContain('H20')
  })

  it('answers H11 when too many wait', async () => {
    await world.start({ waiting: 1 })
    await world.route({ state: 'starting' })
    const answers = [world.get(), world.get()]
    expect((await Promise.race(answers)).body).toContain('H11')
    await world.serve(await hello())
    await Promise.all(answers)
  })
})

describe('a target', () => {
  it('that refuses is left out for another one', async () => {
    await world.start()
    await world.serve(await world.refusing(), await hello())
    for (let i = 0; i < 10; i += 1) expect((await world.get()).body).toBe('hello')
  })

  it('that is the only one and refuses is H21', async () => {
    await world.start()
    await world.serve(await world.refusing())
    expect((await world.get()).body).toContain('H21')
    expect((await world.lines())[0]).toContain('at=error code=H21 desc="Backend connection refused"')
  })

  it('that does not begin to answer is H12', async () => {
    await world.start({ firstByteMs: 40 })
    await world.serve(await world.app(() => {}))
    expect((await world.get()).body).toContain('H12')
  })

  it('that closes without an answer is H13', async () => {
    await world.start()
    await world.serve(await world.tcp((socket) => socket.once('data', () => socket.destroy())))
    expect((await world.get()).body).toContain('H13')
  })
})

describe('host names', () => {
  it('match whatever their case, port and trailing dot', async () => {
    await world.start()
    await world.serve(await hello())
    for (const host of ['SHOP.localhost', 'shop.localhost:8080', 'shop.localhost.', 'Shop.Localhost.:1']) {
      expect((await world.get('/', { headers: { host } })).body).toBe('hello')
    }
  })

  it('match a wildcard in one label only', async () => {
    await world.start()
    const targets = [{ dyno: 'web.1', address: await hello() }]
    await world.route({ hosts: ['*.example.com'], targets })
    expect((await world.get('/', { headers: { host: 'a.example.com' } })).status).toBe(200)
    expect((await world.get('/', { headers: { host: 'a.b.example.com' } })).status).toBe(404)
    expect((await world.get('/', { headers: { host: 'example.com' } })).status).toBe(404)
  })

  it('that nobody has get a 404 page', async () => {
    await world.start()
    const answer = await world.get('/', { headers: { host: 'nobody.localhost' } })
    expect(answer.status).toBe(404)
    expect(answer.body).toContain('nobody.localhost')
  })
})

describe('what the app sees', () => {
  const echo = () => world.app((req, res) => void res.end(JSON.stringify({ url: req.url, ...req.headers })))
  const seen = async (path: string, headers: Record<string, string>) => JSON.parse((await world.get(path, { headers })).body)

  it('is the path verbatim and the forwarded headers', async () => {
    await world.start()
    await world.serve(await echo())
    const got = await seen('//a/../b%2e?q=//x', { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' })
    expect(got).toMatchObject({
      url: '//a/../b%2e?q=//x',
      host: 'shop.localhost',
      'x-forwarded-for': '203.0.113.9, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': String(world.router.http.port),
      via: '1.1 dozen',
    })
    expect(got['x-request-start']).toMatch(/^\d{13}$/)
    expect(got['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('keeps a fit request id and replaces an unfit one', async () => {
    await world.start()
    await world.serve(await echo())
    expect((await seen('/', { 'x-request-id': 'abcdefghij-0123456789' }))['x-request-id']).toBe('abcdefghij-0123456789')
    expect((await seen('/', { 'x-request-id': 'short' }))['x-request-id']).not.toBe('short')
  })

  it('has no hop-by-hop header, and loses none of the router’s own by Connection', async () => {
    await world.start()
    await world.serve(await echo())
    const got = await seen('/', {
      connection: 'close, X-Secret, X-Forwarded-For, Host',
      'x-secret': '1',
      proxy: 'http://evil',
      te: 'gzip',
    })
    expect(got).toMatchObject({ host: 'shop.localhost', 'x-forwarded-for': '127.0.0.1' })
    for (const name of ['x-secret', 'proxy', 'te']) expect(got[name]).toBeUndefined()
  })
})

describe('a WebSocket', () => {
  it('is carried both ways and counted while it is open', async () => {
    await world.start()
    const address = await world.tcp((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi ')
        socket.on('data', (chunk) => socket.write(chunk))
      })
    })
    await world.serve(address)
    const wire = (await world.dial()).send(
      'GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    )
    await wire.see(/^HTTP\/1.1 101 [^]*hi /)
    wire.send('ping')
    await wire.see('ping')
    expect((await world.status()).inflight[address]).toBe(1)
    wire.socket.end()
    expect((await world.lines())[0]).toContain('status=101')
    expect((await world.status()).inflight[address]).toBe(0)
  })
})

describe('a successor', () => {
  it('takes the ports over while a request of the old router goes on to its end', async () => {
    await world.start()
    let finish = () => {}
    const slow = await world.app((_req, res) => {
      res.write('one ')
      finish = () => res.end('two')
    })
    await world.serve(slow)
    const wire = (await world.dial()).send('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')
    await wire.see('one ')
    const before = world.router
    await world.start()
    expect(world.router.http.port).toBe(before.http.port)
    await world.serve(await hello())
    expect((await world.get()).body).toBe('hello')
    finish()
    await wire.see('two')
    await before.retired
  })

  it('brings the target to a request that waits at the old router', async () => {
    await world.start()
    await world.route({ state: 'starting' })
    const wire = (await world.dial()).send('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')
    await world.get('/', { headers: { host: 'nobody.localhost' } })
    await world.start()
    await world.serve(await hello())
    await wire.see('hello')
  })

  it('gives up with a sentence when a foreign program holds the port', async () => {
    const address = await hello()
    const port = Number(address.split(':')[1])
    await expect(startRouter({ ...world.settings(), httpPort: port }, ALONE)).rejects.toThrow(
      /Port \d+ .* another program.*DOZEN_HTTP_PORT/,
    )
  })
})

describe('a window', () => {
  it('counts what the app’s visitors met', async () => {
    await world.start()
    await world.serve(await hello())
    await world.control('PUT', '/windows/w1', { app: 'a1' })
    await world.get()
    await world.serve(await world.refusing())
    await world.get()
    await world.lines(2)
    const cost = await world.control('DELETE', '/windows/w1')
    expect(JSON.parse(cost.body)).toMatchObject({ served: 1, failed: 1, cut: 0 })
    expect((await world.control('DELETE', '/windows/w1')).status).toBe(404)
  })
})
