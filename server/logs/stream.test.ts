import { randomBytes, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { systemClock } from '../clock.ts'
import { systemIds } from '../ids.ts'
import { vault } from '../secrets/vault.ts'
import { format } from './line.ts'
import { logSessions } from './sessions.ts'
import { logStream } from './stream.ts'

let folder: string
let stream: ReturnType<typeof logStream>
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))
  stream = logStream({ folder, clock: systemClock, bytesPerApp: 1 << 20 })
})
afterEach(() => {
  stream.flush()
  rmSync(folder, { recursive: true, force: true })
})
const say = (text: string, over: object = {}) => stream.publish({ appId: 'a1', source: 'app', dyno: 'web.1', text, ...over })
const read = async (query: object = {}) => (await stream.read('a1', query)).map((line) => line.text)

describe('the stream', () => {
  it('shows a line as users know it', async () => {
    say('hi', { at: new Date('2026-01-01T00:00:00.123Z'), micros: 45 })
    expect((await stream.read('a1', {})).map(format)).toEqual(['2026-01-01T00:00:00.123045+00:00 app[web.1]: hi'])
  })
  it('keeps apps apart', async () => {
    say('mine')
    stream.publish({ appId: 'a2', source: 'app', dyno: 'web.1', text: 'theirs' })
    expect(await read()).toEqual(['mine'])
  })
  it('splits a line at 10,000 bytes, never inside a character', async () => {
    say('é'.repeat(7_500))
    const all = await read()
    expect(all.map((text) => Buffer.byteLength(text))).toEqual([10_000, 5_000])
    expect(all.join('')).toBe('é'.repeat(7_500))
  })
  it('lets no text end its record or start another (ABUSE 67, 68)', async () => {
    say('one\n2\tapp\tweb.1\tfake\rand\0nul')
    say('two')
    expect(await read()).toEqual(['one␊2\tapp\tweb.1\tfake␊and␀nul', 'two'])
  })
  it.each([
    [{ dyno: 'web.1' }, ['a']],
    [{ dyno: 'web' }, ['a', 'b']],
    [{ type: 'worker' }, ['c']],
    [{ source: 'heroku' }, ['d']],
    [{ release: 7 }, ['c']],
    [{ lines: 2 }, ['c', 'd']],
    [{ lines: 0 }, []],
  ])('filters by %j', async (query, expected) => {
    say('a')
    say('b', { dyno: 'web.2' })
    say('c', { dyno: 'worker.1', release: 7 })
    say('d', { source: 'dozen', dyno: 'router' })
    expect(await read(query)).toEqual(expected)
  })
  it('gives a slow reader every line, from the store instead of from memory', async () => {
    const stop = new AbortController()
    const live = stream.follow('a1', {}, stop.signal)
    const first = live.next()
    say('first')
    expect((await first).value!.text).toBe('first')
    const wanted: string[] = []
    const got: string[] = []
    for (let n = 0; n < 9_000; n++) {
      wanted.push(`line ${n} ${'x'.repeat(20)}`)
      say(wanted.at(-1)!)
      if (n % 3_000 === 2_999) for (let take = 0; take < 500; take++) got.push((await live.next()).value!.text)
    }
    while (got.length < wanted.length) got.push((await live.next()).value!.text)
    expect(got).toEqual(wanted)
    say('after')
    expect((await live.next()).value!.text).toBe('after')
    stop.abort()
  })
  it('tells a reader how much it missed when the store let lines go', async () => {
    const small = logStream({ folder, clock: systemClock, bytesPerApp: 64_000 })
    const stop = new AbortController()
    const live = small.follow('a3', {}, stop.signal)
    const publish = (text: string) => small.publish({ appId: 'a3', source: 'app', dyno: 'web.1', text })
    const first = live.next()
    publish('first')
    await first
    for (let n = 0; n < 3_000; n++) {
      publish(`${n} ${'x'.repeat(1_000)}`)
      if (n % 10 === 0) small.flush()
    }
    let seen = 0
    let missed = 0
    for await (const { text } of live) {
      missed += Number(/L11 .*dropped (\d+) messages/.exec(text)?.[1] ?? 0)
      if (!text.startsWith('Error')) seen++
      if (text.startsWith('2999 ')) break
    }
    expect(missed).toBeGreaterThan(0)
    expect(seen + missed).toBe(3_000)
  })
  it('finds fields of JSON and logfmt lines, levels, and times', async () => {
    say('{"level":"error","user":42,"msg":"no"}', { at: new Date('2026-01-01T00:00:00Z') })
    say('level=warn user=43 msg="it is"', { at: new Date('2026-01-01T00:00:01Z') })
    say('plain user 42', { at: new Date('2026-01-01T00:00:02Z') })
    expect(await read({ grep: 'user=42' })).toEqual(['{"level":"error","user":42,"msg":"no"}'])
    expect(await read({ grep: 'msg=it is' })).toEqual(['level=warn user=43 msg="it is"'])
    expect(await read({ level: 'warning' })).toHaveLength(2)
    expect(await read({ level: 'error' })).toHaveLength(1)
    expect(await read({ since: new Date('2026-01-01T00:00:01Z') })).toHaveLength(2)
    expect(await read({ until: new Date('2026-01-01T00:00:01Z') })).toHaveLength(1)
  })
  it('stays within its bytes over all apps: who takes most loses its oldest lines first', async () => {
    const [loud, quiet] = [randomUUID(), randomUUID()]
    const all = logStream({ folder, clock: systemClock, bytesPerApp: 80_000, totalBytes: 60_000 })
    const publish = (appId: string, text: string) => all.publish({ appId, source: 'app', dyno: 'web.1', text })
    publish(quiet, 'only line')
    for (let n = 0; n < 100; n++) {
      publish(loud, `${n} ${'x'.repeat(1_000)}`)
      all.flush()
    }
    all.tidy()
    const kept = (await all.read(loud, {})).map(({ text }) => parseInt(text, 10))
    expect(kept.length).toBeGreaterThan(30)
    expect(kept.length).toBeLessThan(60)
    expect(kept.at(-1)).toBe(99)
    expect(await all.read(quiet, {})).toHaveLength(1)
  })
  it('is by time over sources, and each source stays in its order', async () => {
    const at = (ms: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + ms)
    say('web 2', { at: at(20) })
    say('router 1', { source: 'dozen', dyno: 'router', at: at(10) })
    say('web 3, clock set back', { at: at(5) })
    say('router 3', { source: 'dozen', dyno: 'router', at: at(30) })
    say('worker 2', { dyno: 'worker.1', at: at(25) })
    expect(await read()).toEqual(['router 1', 'web 2', 'web 3, clock set back', 'worker 2', 'router 3'])
  })
  it('survives a disk that refuses lines, and says how many were lost (ABUSE 89)', async () => {
    say('before')
    stream.flush()
    const file = join(folder, 'a1', readdirSync(join(folder, 'a1'))[0]!)
    renameSync(file, `${file}.away`)
    mkdirSync(file)
    say('lost')
    say('lost too')
    stream.flush()
    rmSync(file, { recursive: true })
    renameSync(`${file}.away`, file)
    say('after')
    expect(await read()).toEqual([
      'before',
      'Error L12 (Local buffer overflow) -> 2 messages dropped since the disk did not take them.',
      'after',
    ])
  })
})

describe('log sessions', () => {
  const key = randomBytes(32)
  const clock = fakeClock()
  const isKnown = (appId: string) => appId === 'a1'
  const make = () => logSessions({ stream, clock, ids: systemIds, vault: vault(key), isKnown })
  const serve = async (options: object, more: { lastEventId?: number; form?: 'events' | 'text' } = {}) => {
    const { secret } = make().create('a1', options)
    let text = ''
    const gone = new AbortController()
    const reader = { form: 'events' as const, signal: gone.signal, write: (part: string) => void (text += part), ...more }
    const served = make().serve(secret, reader) // another life of the controller: the URL itself is the session
    return { text: () => text, gone, served }
  }
  it('send one event a line, and end', async () => {
    say('one')
    say('two')
    const { served, text } = await serve({ lines: 1 })
    await served
    expect(text()).toMatch(/^retry: 1\n\nid: 2\ndata: \S+ app\[web\.1\]: two\n\n$/)
  })
  it('go on after the last event that arrived, without a gap or a double', async () => {
    for (const text of ['one', 'two', 'three']) say(text)
    const { text, gone, served } = await serve({ tail: true, lines: 1 }, { lastEventId: 1 })
    await expect.poll(text).toMatch(/: two\n[^]*: three\n/)
    say('four')
    await expect.poll(text).toContain(': four\n')
    gone.abort()
    await served
    expect([...text().matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]))).toEqual([2, 3, 4])
  })
  it('send plain lines to who asks for no events, and JSON with what a line says', async () => {
    say('level=warn user=42')
    say('plain')
    const { served, text } = await serve({}, { form: 'text' })
    await served
    expect(text()).toMatch(/^\S+ app\[web\.1\]: level=warn user=42\n\S+ app\[web\.1\]: plain\n$/)
    const json = await serve({ json: true }, { form: 'text' })
    await json.served
    const [first, second] = json.text().trim().split('\n').map((line) => JSON.parse(line) as object) // prettier-ignore
    expect(first).toMatchObject({ text: 'level=warn user=42', level: 'warn', fields: { level: 'warn', user: '42' } })
    expect(second).not.toHaveProperty('fields')
  })
  const statusOf = (secret: string, more: { lastEventId?: number } = {}) =>
    make()
      .serve(secret, { form: 'text', signal: AbortSignal.abort(), write: () => {}, ...more })
      .then(
        () => 'served',
        (error: { code: string }) => error.code,
      )
  it('begin within five minutes; a tail may be taken up again for a day', async () => {
    const [once, tail] = [make().create('a1', {}).secret, make().create('a1', { tail: true }).secret]
    expect([await statusOf(once), await statusOf(tail)]).toEqual(['served', 'served'])
    await clock.advance(6 * 60_000)
    expect([await statusOf(once, { lastEventId: 1 }), await statusOf(tail)]).toEqual(['not_found', 'not_found'])
    expect(await statusOf(tail, { lastEventId: 1 })).toBe('served')
    await clock.advance(24 * 3_600_000)
    expect(await statusOf(tail, { lastEventId: 1 })).toBe('not_found')
  })
  it('cannot be made up, changed, or outlive the app', async () => {
    const { secret } = make().create('a1', {})
    for (const at of [0, 20, secret.length - 2]) {
      const other = secret[at] === 'A' ? 'B' : 'A'
      expect(await statusOf(secret.slice(0, at) + other + secret.slice(at + 1))).toBe('not_found')
    }
    expect(await statusOf('x')).toBe('not_found')
    expect(await statusOf(make().create('gone', {}).secret)).toBe('not_found')
  })
})
