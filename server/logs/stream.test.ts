import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { systemIds } from '../ids.ts'
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
  it('lets no text end its record or start another', async () => {
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
  it('survives a disk that refuses lines, and says how many were lost', async () => {
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
  const serve = async (options: object, more: { lastEventId?: number; until?: () => void } = {}) => {
    const sessions = logSessions({ stream, clock: systemClock, ids: systemIds })
    const { secret } = sessions.create('a1', options)
    let text = ''
    const gone = new AbortController()
    const served = sessions.serve(secret, { signal: gone.signal, write: (part) => void (text += part), ...more })
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
  it('of an unknown secret are not found', async () =>
    expect(
      logSessions({ stream, clock: systemClock, ids: systemIds }).serve('x', {
        signal: new AbortController().signal,
        write: () => {},
      }),
    ).rejects.toMatchObject({ code: 'not_found' }))
})
