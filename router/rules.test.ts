import { connect as h2connect } from 'node:http2'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteApp, WakeList } from '../server/api/wire.ts'
import { until, World } from './testing.ts'

let world: World
let seen: string[]
beforeEach(() => {
  world = new World()
  seen = []
})
afterEach(() => world.end())

const POST = 'POST / HTTP/1.1\r\nHost: shop.localhost\r\n'

/** An app that reads whole bodies and says so. */
async function start(app: Partial<RouteApp>, limits: Parameters<World['start']>[0] = {}) {
  await world.start(limits)
  const address = await world.app((req, res) => {
    let body = ''
    req.setEncoding('latin1').on('data', (text: string) => (body += text))
    req.on('end', () => {
      seen.push(body)
      res.end('hello')
    })
  })
  const whole = { targets: [{ dyno: 'web.1', address }], ...app }
  await world.route(whole)
  return whole
}

describe('max-body', () => {
  beforeEach(() => start({ rules: { bodyBytes: 10 } }))

  it('refuses a longer body before the app hears of it, and takes one of just that length', async () => {
    const refused = await world.get('/', { method: 'POST' }, Buffer.alloc(11))
    expect(refused).toMatchObject({ status: 413, headers: { connection: 'close' } })
    expect(refused.body).toContain('Request body too large')
    expect((await world.get('/', { method: 'POST' }, '0123456789')).body).toBe('hello')
    expect(seen).toEqual(['0123456789'])
    const [first] = await world.lines(2)
    expect(first).toMatch(/at=info method=POST path="\/" .* dyno= connect= service= status=413 /)
  })

  it('counts what comes in chunks, without their framing', async () => {
    const chunked = `${POST}Transfer-Encoding: chunked\r\n\r\n`
    await (await world.dial()).send(`${chunked}5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n`).see(/hello\r\n0\r\n\r\n$|hello$/)
    expect(await (await world.dial()).send(`${chunked}5\r\n01234\r\n6\r\n567890\r\n0\r\n\r\n`).ended()).toMatch(/^HTTP\/1.1 413 Content Too Large\r\n[^]*Connection: close\r\n/) // prettier-ignore
    expect(seen).toEqual(['0123456789'])
    await until(async () => Object.values((await world.status()).inflight).every((count) => count === 0))
  })

  it('holds for HTTP/2, with and without a length', async () => {
    const session = h2connect(`https://127.0.0.1:${world.router.https!.port}`, { rejectUnauthorized: false })
    world.onEnd(() => session.destroy())
    const status = (headers: Record<string, string>) =>
      new Promise((resolve) => {
        const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'shop.localhost', ...headers })
        stream.on('error', () => {}).on('response', (answer) => resolve(answer[':status']))
        stream.end(Buffer.alloc(11))
      })
    expect([await status({ 'content-length': '11' }), await status({})]).toEqual([413, 413])
  })
})

describe('rate-limit', () => {
  it('answers 429 and when to come again; the app hears nothing of it', async () => {
    await start({ rules: { rate: { count: 2, perMs: 60_000 } } })
    const answers = [await world.get(), await world.get(), await world.get()]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers[2]!.headers['retry-after']).toMatch(/^(29|30)$/)
    expect(seen).toHaveLength(2)
    expect((await world.lines(3))[2]).toMatch(/at=info .* status=429 /)
  })
})

describe('max-connections', () => {
  it('answers H22 while so many requests and WebSockets are open', async () => {
    await world.start()
    const address = await world.tcp((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi')),
    ) // prettier-ignore
    await world.route({ targets: [{ dyno: 'web.1', address }], rules: { connections: 1 } })
    const wire = (await world.dial()).send('GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n') // prettier-ignore
    await wire.see(/hi$/)
    expect((await world.get()).body).toContain('H22')
    wire.socket.destroy()
    await world.serve(await world.app((_req, res) => void res.end('hello')))
    await until(async () => (await world.get()).body === 'hello')
    expect((await world.lines(2)).some((line) => line.includes('at=error code=H22 desc="Connection limit reached"'))).toBe(true)
  })

  it('has a limit for every app, so that one cannot take all descriptors', async () => {
    await start({}, { connections: 0 })
    expect((await world.get()).body).toContain('H22')
  })
})

describe('the app’s own timeouts', () => {
  it('are H12 and H15 in place of the router’s', async () => {
    await world.start({ firstByteMs: 40, idleMs: 40 })
    const late = await world.app((_req, res) => setTimeout(() => res.end('late'), 300))
    await world.route({ targets: [{ dyno: 'web.1', address: late }], rules: { firstByteMs: 5_000 } })
    expect((await world.get()).body).toBe('late')
    await world.route({ targets: [{ dyno: 'web.1', address: late }], rules: { firstByteMs: 50 } })
    expect((await world.get()).body).toContain('H12')
    const stalls = await world.app((_req, res) => void res.write('one '))
    await world.route({ targets: [{ dyno: 'web.1', address: stalls }], rules: { idleMs: 50 } })
    await (await world.dial()).send('GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n').ended()
    expect((await world.lines(3))[2]).toContain('code=H15')
  })
})

describe('an app’s own pages', () => {
  const pages = { error: 'https://a.test/error.html?a=1&b="2"', maintenance: '//a.test/soon.html' }
  const escaped = 'https://a.test/error.html?a=1&amp;b=&quot;2&quot;'

  it.each([
    [{ state: 'crashed' }, escaped, 'H10'],
    [{ state: 'serving', maintenance: true }, pages.maintenance, 'H80'],
  ] as const)('%j: are shown in a frame, with 503', async (app, url, code) => {
    await start({ targets: [], pages, ...app })
    const answer = await world.get('/', { headers: { 'x-request-id': '01234567890123456789' } })
    expect(answer.status).toBe(503)
    expect(answer.body).toContain(`<iframe src="${url}">`)
    expect(answer.body).toContain(code)
    expect(answer.body).toContain('01234567890123456789')
  })

  it('are not for programs', async () => {
    await start({ targets: [], pages, state: 'crashed' })
    const answer = await world.get('/', { headers: { accept: 'application/json' } })
    expect(JSON.parse(answer.body)).toMatchObject({ id: 'H10' })
  })
})

describe('a sleeping app', () => {
  const wakes = async (after: number) => JSON.parse((await world.control('GET', `/wakes/${after}`)).body) as WakeList

  it('is told to be woken by the first visit, which waits and is served', async () => {
    const awake = await start({ state: 'asleep', targets: [], sleeps: true })
    const told = wakes(0)
    const visits = [world.get(), world.get()]
    expect(await told).toMatchObject({ apps: ['a1'] })
    await world.route({ ...awake, state: 'starting', targets: [] })
    await world.serve(await world.app((_req, res) => void res.end('good morning')))
    expect((await Promise.all(visits)).map(({ body }) => body)).toEqual(['good morning', 'good morning'])
  })

  it('that nobody wakes answers H99 soon: who would do it is dead', async () => {
    await start({ state: 'asleep', targets: [] }, { wakeMs: 50 })
    expect((await world.get()).body).toContain('H99')
    expect((await world.lines())[0]).toContain('at=error code=H99 desc="Platform error"')
  })

  it('that starts but never serves is H20; too many visitors are H11', async () => {
    const app = await start({ state: 'asleep', targets: [] }, { bootWaitMs: 300, waiting: 1 })
    const first = world.get()
    await wakes(0)
    expect((await world.get()).body).toContain('H11')
    await world.route({ ...app, state: 'starting' })
    expect((await first).body).toContain('H20')
  })

  it('in maintenance sleeps on', async () => {
    await start({ state: 'asleep', targets: [], maintenance: true }, { wakeMs: 20 })
    expect((await world.get()).body).toContain('H80')
  })

  it('counts its idle time from the last visit; an open WebSocket keeps it at 0', async () => {
    await world.start()
    const address = await world.tcp((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi')),
    ) // prettier-ignore
    await world.route({ targets: [{ dyno: 'web.1', address }], sleeps: true }, { id: 'a2', name: 'other', hosts: ['b'], targets: [{ dyno: 'web.1', address }] }) // prettier-ignore
    const idle = async () => (await world.status()).idle
    await until(async () => (await idle())['a1']! > 50)
    const wire = (await world.dial()).send('GET /ws HTTP/1.1\r\nHost: shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n') // prettier-ignore
    await wire.see(/hi$/)
    expect(await idle()).toEqual({ a1: 0 })
    wire.socket.destroy()
    await until(async () => (await idle())['a1']! > 0)
    await world.route({ targets: [], state: 'asleep', sleeps: true })
    expect(await idle()).toEqual({})
  })
})
