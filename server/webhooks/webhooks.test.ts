import { createHmac, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { events as makeEvents } from '../events/events.ts'
import { systemIds as ids } from '../ids.ts'
import { vault as makeVault } from '../secrets/vault.ts'
import { webhooks as makeWebhooks } from './webhooks.ts'

type Got = { headers: Record<string, string | string[] | undefined>; body: Record<string, unknown>; raw: string }

let server: Server
let url: string
let got: Got[]
let statuses: number[]
let stop: AbortController

beforeEach(async () => {
  got = []
  statuses = []
  stop = new AbortController()
  server = createServer((request, response) => {
    let raw = ''
    request.on('data', (part: Buffer) => (raw += part.toString()))
    request.on('end', () => {
      got.push({ headers: request.headers, body: JSON.parse(raw) as Got['body'], raw })
      response.statusCode = statuses.shift() ?? 200
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`
})
afterEach(() => {
  stop.abort()
  server.close()
})

const db = () => shopDb()
function make({ database = db(), isInsideAllowed = true, clock = fakeClock(Date.now()) } = {}) {
  const vault = makeVault(key)
  const events = makeEvents({ db: database, clock, ids, onRecord: (event) => hooks.enqueue(event) })
  const hooks = makeWebhooks({ db: database, vault, clock, ids, findEvent: events.find, isInsideAllowed, onError: () => {} })
  const tell = (resource: string, data = {}) =>
    events.record({ appId: shop.id, resource, action: 'create', data, actor: { id: user.id, email: user.email } })
  return { hooks, events, tell, clock, database }
}
const key = randomBytes(32)
const until = async (isSo: () => boolean) => {
  const deadline = performance.now() + 5000
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error('It did not come to that.')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('a webhook', () => {
  it('is sent the events that it includes, signed, with its own Authorization', async () => {
    const { hooks, tell } = make()
    const hook = hooks.add(shop, { url, include: ['api:release'], secret: 'hush', authorization: 'Bearer x' })
    void hooks.run(stop.signal)
    tell('domain')
    tell('release', { version: 7 })
    await until(() => got.length === 1)
    const [{ headers, body, raw }] = got as [Got]
    expect(headers['heroku-webhook-hmac-sha256']).toBe(createHmac('sha256', 'hush').update(raw).digest('base64'))
    expect(headers['authorization']).toBe('Bearer x')
    expect(body).toMatchObject({
      resource: 'release',
      action: 'create',
      data: { version: 7 },
      actor: { email: user.email },
      webhook_metadata: { webhook: { id: hook.id }, event: { include: 'api:release' } },
    })
    await until(() => hooks.deliveries(shop.id)[0]!.status === 'succeeded')
    expect(hooks.deliveries(shop.id)).toMatchObject([{ attempts: 1, nextAttemptAt: null, last: { code: 200, error: null } }])
  })

  it('of level notify is sent once, of level sync until it is taken', async () => {
    const { hooks, tell, clock } = make()
    hooks.add(shop, { url, include: ['api:app'], level: 'notify' })
    hooks.add(shop, { url, include: ['api:build'], level: 'sync' })
    void hooks.run(stop.signal)
    statuses = [500]
    tell('app')
    await until(() => hooks.deliveries(shop.id)[0]?.status === 'failed')
    statuses = [503, 500]
    tell('build')
    await until(() => hooks.deliveries(shop.id)[0]?.status === 'retrying')
    for (const attempts of [2, 3]) {
      await until(() => hooks.deliveries(shop.id)[0]!.attempts === attempts - 1)
      await clock.advance(10_000 * 2 ** (attempts - 2))
      await until(() => hooks.deliveries(shop.id)[0]!.attempts === attempts)
    }
    expect(hooks.deliveries(shop.id)[0]).toMatchObject({ status: 'succeeded', attempts: 3 })
    expect(got).toHaveLength(4)
  })

  it('is sent what waited after a restart', async () => {
    const first = make()
    first.hooks.add(shop, { url, include: ['dyno'] })
    first.tell('dyno', { state: 'up' })
    const second = make({ database: first.database })
    void second.hooks.run(stop.signal)
    await until(() => got.length === 1)
    expect(got[0]!.body).toMatchObject({ resource: 'dyno', data: { state: 'up' } })
  })

  it('that nobody answers says why', async () => {
    const { hooks, tell } = make()
    hooks.add(shop, { url: 'http://127.0.0.1:1/', include: ['api:release'] })
    void hooks.run(stop.signal)
    tell('release')
    await until(() => hooks.deliveries(shop.id)[0]?.status === 'failed')
    expect(hooks.deliveries(shop.id)[0]!.last).toMatchObject({
      code: null,
      error: expect.stringContaining('ECONNREFUSED') as string,
    })
  })

  it('may not lead inside, neither by address nor by name', async () => {
    const { hooks, tell, database } = make({ isInsideAllowed: false })
    expect(() => hooks.add(shop, { url, include: ['api:release'] })).toThrow('an address inside this machine')
    expect(() => hooks.add(shop, { url: 'http://[::1]/', include: ['api:release'] })).toThrow('an address inside')
    make({ database }).hooks.add(shop, { url: url.replace('127.0.0.1', 'localhost.localdomain'), include: ['api:release'] })
    void hooks.run(stop.signal)
    tell('release')
    await until(() => hooks.deliveries(shop.id)[0]?.status === 'failed')
    expect(got).toEqual([])
  })

  it('can be changed, and goes with its deliveries', () => {
    const { hooks, tell } = make()
    const { id, secret } = hooks.add(shop, { url, include: ['api:release'] })
    expect(secret.length).toBeGreaterThan(15)
    expect(hooks.update(shop, id, { level: 'sync', include: ['dyno', 'dyno'] })).toMatchObject({
      url,
      level: 'sync',
      include: ['dyno'],
      secret,
    })
    tell('dyno')
    expect(hooks.deliveries(shop.id)).toHaveLength(1)
    hooks.remove(shop, id)
    expect([hooks.list(shop.id), hooks.deliveries(shop.id)]).toEqual([[], []])
    expect(() => hooks.find(shop, id)).toThrow("Couldn't find that webhook.")
  })

  it.each([
    [{ include: ['api:release'] }, 'needs a url'],
    [{ url: 'ftp://example.com', include: ['api:release'] }, 'url should be an http:// or https:// address'],
    [{ url: 'https://example.com', include: ['api:nothing'] }, 'include should be a list of some of: api:addon'],
    [{ url: 'https://example.com', include: ['api:release'], level: 'loud' }, 'level should be notify'],
    [{ url: 'https://example.com', include: ['api:release'], authorization: 'a\r\nb: c' }, 'in one line'],
  ])('is refused: %j', (input, message) => expect(() => make().hooks.add(shop, input)).toThrow(message))
})

it('events are kept, newest first, the newest twenty thousand', () => {
  const { events, database, tell } = make()
  for (const version of [1, 2]) tell('release', { version })
  expect(events.ofApp(shop.id).map(({ data }) => data['version'])).toEqual([2, 1])
  database.prepare('UPDATE sqlite_sequence SET seq = 30000 WHERE name = ?').run('events')
  tell('release', { version: 3 })
  expect(events.all().map(({ data }) => data['version'])).toEqual([3])
})
