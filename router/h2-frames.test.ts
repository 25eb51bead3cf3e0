import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until, World } from './testing.ts'
import { END_HEADERS, END_STREAM, field, frame, FRAME, RawH2, requestFields } from './testing-h2.ts'

/** What h2spec asks of a server (RFC 9113), as raw frames. */
let world: World
let visits: string[]
let headers: IncomingHttpHeaders
beforeEach(async () => {
  visits = []
  world = await new World().start({ drainMs: 100 })
  await world.serve(
    await world.app((req, res) => {
      visits.push(req.url!)
      headers = req.headers
      res.end('ok')
    }),
  )
})
afterEach(() => world.end())

async function dial(): Promise<RawH2> {
  const client = await RawH2.dial(world.router.https!.port)
  world.onEnd(() => client.socket.destroy())
  return client
}

const BOTH = END_HEADERS | END_STREAM
const PADDED = 8
const ask = (stream: number, fields: Buffer = requestFields(), flags: number = BOTH) =>
  frame(FRAME.headers, flags, stream, fields)
const setting = (name: number, value: number) => Buffer.from([0, name, value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]) // prettier-ignore
const number = (value: number) => setting(0, value).subarray(2)
const BIG_TABLE = Buffer.from([0x3f, 0xe1, 0xff, 0x7f])

const ENDINGS: [string, Buffer[]][] = [
  ['another preface (3.4)', [Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')]],
  ['a frame larger than was agreed (4.2)', [ask(1, requestFields(), END_HEADERS), frame(FRAME.data, 0, 1, Buffer.alloc(16_385))]],
  ['fields that cannot be decoded (4.3)', [ask(1, Buffer.from([0x40]))]],
  ['a table of fields larger than was agreed (4.3)', [ask(1, Buffer.concat([BIG_TABLE, requestFields()]))]],
  ['another frame between HEADERS and CONTINUATION (4.3)', [ask(1, requestFields(), END_STREAM), frame(FRAME.ping, 0, 0, Buffer.alloc(8))]], // prettier-ignore
  ['DATA before HEADERS (5.1)', [frame(FRAME.data, END_STREAM, 1, 'x')]],
  ['RST_STREAM before HEADERS (5.1)', [frame(FRAME.reset, 0, 1, number(8))]],
  ['WINDOW_UPDATE before HEADERS (5.1)', [frame(FRAME.window, 0, 1, number(100))]],
  ['CONTINUATION before HEADERS (5.1)', [frame(FRAME.continuation, BOTH, 1, requestFields())]],
  ['a stream of an even number (5.1.1)', [ask(2)]],
  ['DATA of no stream (6.1)', [frame(FRAME.data, 0, 0, 'x')]],
  ['more padding than DATA (6.1)', [ask(1, requestFields(), END_HEADERS), frame(FRAME.data, PADDED, 1, Buffer.from([9, 1]))]],
  ['HEADERS of no stream (6.2)', [ask(0)]],
  ['more padding than HEADERS (6.2)', [ask(1, Buffer.concat([Buffer.from([255]), requestFields()]), BOTH | PADDED)]],
  ['RST_STREAM of no stream (6.4)', [frame(FRAME.reset, 0, 0, number(8))]],
  ['RST_STREAM of another length (6.4)', [ask(1, requestFields(), END_HEADERS), frame(FRAME.reset, 0, 1, Buffer.alloc(3))]],
  ['SETTINGS that agree and say something (6.5)', [frame(FRAME.settings, 1, 0, setting(1, 1))]],
  ['SETTINGS of a stream (6.5)', [frame(FRAME.settings, 0, 1, setting(3, 100))]],
  ['SETTINGS of another length (6.5)', [frame(FRAME.settings, 0, 0, Buffer.alloc(3))]],
  ['ENABLE_PUSH of 2 (6.5.2)', [frame(FRAME.settings, 0, 0, setting(2, 2))]],
  ['an INITIAL_WINDOW_SIZE above all (6.5.2)', [frame(FRAME.settings, 0, 0, setting(4, 0x80000000))]],
  ['a MAX_FRAME_SIZE below the least (6.5.2)', [frame(FRAME.settings, 0, 0, setting(5, 16_383))]],
  ['a MAX_FRAME_SIZE above all (6.5.2)', [frame(FRAME.settings, 0, 0, setting(5, 0x01000000))]],
  ['PUSH_PROMISE from a client (6.6)', [frame(5, END_HEADERS, 1, Buffer.concat([number(2), requestFields()]))]],
  ['PING of a stream (6.7)', [frame(FRAME.ping, 0, 1, Buffer.alloc(8))]],
  ['PING of another length (6.7)', [frame(FRAME.ping, 0, 0, Buffer.alloc(6))]],
  ['GOAWAY of a stream (6.8)', [frame(FRAME.goAway, 0, 1, Buffer.alloc(8))]],
  ['a window opened by nothing (6.9)', [frame(FRAME.window, 0, 0, number(0))]],
  ['a window opened beyond all (6.9.1)', [frame(FRAME.window, 0, 0, number(0x7fffffff)), frame(FRAME.window, 0, 0, number(0x7fffffff))]], // prettier-ignore
  ['WINDOW_UPDATE of another length (6.9)', [frame(FRAME.window, 0, 0, Buffer.alloc(3))]],
]

/** The one frame after which nothing is heard any more (section 5.4.1). */
const isRefused = (client: RawH2) =>
  client.isEnded || client.seen.some(({ type, payload }) => type === FRAME.goAway && payload.readUInt32BE(4) !== 0)

describe('ends the connection, reaches no app and harms no other connection:', () => {
  it.each(ENDINGS)('%s', async (_what, frames) => {
    const [bad, good] = [await dial(), await dial()]
    bad.send(...frames)
    await until(() => isRefused(bad))
    bad.send(ask(101, requestFields('/bad')))
    good.send(ask(1, requestFields('/good')))
    await until(() => good.count(FRAME.data) > 0)
    // What began before may be answered.
    expect(visits.filter((visit) => visit !== '/')).toEqual(['/good'])
  })
})

it('closes a connection that came to such an end with a request in flight, and none that is in order (5.4.1)', async () => {
  await world.end()
  world = await new World().start({ drainMs: 100, idleMs: 400 })
  await world.serve(await world.app((req) => void visits.push(req.url!)))
  const [bad, good] = [await dial(), await dial()]
  good.send(ask(1, requestFields('/good')))
  bad.send(ask(1, requestFields('/bad')))
  await until(() => visits.length === 2)
  bad.send(frame(FRAME.data, 0, 0, 'x'))
  await until(() => isRefused(bad))
  await until(() => bad.socket.closed)
  expect(good.count(FRAME.ping)).toBeGreaterThan(0)
  expect(good.isEnded).toBe(false)
})

const method = field(':method', 'GET')
const [scheme, path, host] = [field(':scheme', 'https'), field(':path', '/'), field(':authority', 'shop.localhost')]
const all = (...fields: Buffer[]) => Buffer.concat(fields)

const MALFORMED: [string, Buffer][] = [
  ['a name in capitals (8.2.1)', all(requestFields(), field('X-Test', 'a'))],
  ['Connection (8.2.2)', all(requestFields(), field('connection', 'keep-alive'))],
  ['Transfer-Encoding (8.2.2)', all(requestFields(), field('transfer-encoding', 'chunked'))],
  ['Upgrade (8.2.2)', all(requestFields(), field('upgrade', 'h2c'))],
  ['TE other than trailers (8.2.2)', all(requestFields(), field('te', 'trailers, deflate'))],
  ['a pseudo-field that nobody knows (8.3)', all(requestFields(), field(':test', 'a'))],
  ['a pseudo-field of responses (8.3)', all(requestFields(), field(':status', '200'))],
  ['a pseudo-field after others (8.3)', all(method, scheme, host, field('x-test', 'a'), path)],
  ['an empty path (8.3.1)', all(method, scheme, field(':path', ''), host)],
  ['no method (8.3.1)', all(scheme, path, host)],
  ['no scheme (8.3.1)', all(method, path, host)],
  ['no path (8.3.1)', all(method, scheme, host)],
  ['two methods (8.3.1)', all(method, method, scheme, path, host)],
  ['two paths (8.3.1)', all(method, scheme, path, path, host)],
  ['a host that is none (8.3.1)', all(method, scheme, path, field(':authority', 'user@shop.localhost'))],
  ['two Content-Lengths (8.1.1)', all(requestFields(), field('content-length', '0'), field('content-length', '1'))],
]

describe('is refused, reaches no app, and leaves the connection as it was:', () => {
  it.each(MALFORMED)('a request with %s', async (_what, fields) => {
    const client = await dial()
    client.send(ask(1, fields))
    const answers = () =>
      client.seen.filter(({ type, stream }) => stream === 1 && (type === FRAME.reset || type === FRAME.headers))
    await until(() => client.isEnded || answers().length > 0)
    // Indexed in HPACK's static table: 200 is 0x88.
    expect(answers().every(({ type, payload }) => type === FRAME.reset || payload[0] !== 0x88)).toBe(true)
    if (!client.isEnded) {
      client.send(ask(3, requestFields('/good')))
      await until(() => client.isEnded || client.count(FRAME.data) > 0)
    }
    expect(visits.filter((visit) => visit !== '/good')).toEqual([])
  })

  it('a request of fewer bytes than it said, or trailers with a pseudo-field (8.1)', async () => {
    const client = await dial()
    const post = all(field(':method', 'POST'), scheme, path, host, field('content-length', '5'))
    client.send(ask(1, post, END_HEADERS), frame(FRAME.data, END_STREAM, 1, 'four'))
    await until(() => client.count(FRAME.reset) === 1)
    const open = all(field(':method', 'POST'), scheme, path, host)
    client.send(ask(3, open, END_HEADERS), frame(FRAME.data, 0, 3, 'four'), ask(3, field(':path', '/x')))
    await until(() => client.count(FRAME.reset) === 2)
    client.send(ask(5, requestFields('/good')))
    await until(() => visits.includes('/good'))
  })
})

it('loses fields that are none, as nghttp2 does: none of them gets to the app (8.2.1)', async () => {
  const none = all(field('x test', 'a'), field('x-test', 'a\r\nx-other: b'), field('x-nul', 'a\0b'))
  const client = await dial()
  client.send(ask(1, all(requestFields('/odd'), none, field('x-last', 'c'))))
  await until(() => visits.includes('/odd'))
  expect(headers).toMatchObject({ 'x-last': 'c' })
  expect(Object.keys(headers).filter((name) => /test|other|nul/.test(name))).toEqual([])
})

it('answers pings, and settings that nobody knows, like any other', async () => {
  const client = await dial()
  client.send(frame(FRAME.settings, 0, 0, setting(255, 1)), frame(250, 0, 0, 'unknown'), frame(FRAME.ping, 0, 0, 'abcdefgh'))
  const pong = () => client.seen.find(({ type, flags }) => type === FRAME.ping && flags === 1)
  await until(() => pong() !== undefined)
  expect(pong()!.payload.toString()).toBe('abcdefgh')
  client.send(ask(1))
  await until(() => client.count(FRAME.data) > 0)
})

it('routes each request of a shared connection by its own host (9.1.1, ABUSE 54)', async () => {
  const other = await world.app((req, res) => void res.end(`other ${req.headers.host}`))
  const address = await world.app((req, res) => void res.end(`shop ${req.headers.host}`))
  await world.route(
    { targets: [{ dyno: 'web.1', address }] },
    { id: 'a2', name: 'other', hosts: ['other.localhost'], targets: [{ dyno: 'web.1', address: other }] },
  )
  const client = await dial()
  client.send(ask(1), ask(3, requestFields('/', 'other.localhost')), ask(5, requestFields('/', 'nobody.localhost')))
  const bodyOf = (of: number) => Buffer.concat(client.seen.filter(({ type, stream }) => type === FRAME.data && stream === of).map(({ payload }) => payload)).toString() // prettier-ignore
  await until(() => bodyOf(1) !== '' && bodyOf(3) !== '' && bodyOf(5) !== '')
  expect([bodyOf(1), bodyOf(3)]).toEqual(['shop shop.localhost', 'other other.localhost'])
  expect(bodyOf(5)).toContain('nobody.localhost')
})
