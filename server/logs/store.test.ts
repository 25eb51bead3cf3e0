import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LogLine } from './line.ts'
import { logStore, type LogStore } from './store.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (bytes = 1 << 20) => logStore({ folder, appId: 'a1', bytes })
const line = (text: string, origin?: string): LogLine => ({
  id: 0, appId: 'a1', source: 'app', dyno: 'web.1', text, time: '2026-01-01T00:00:00.000000+00:00', release: 2, origin,
}) // prettier-ignore
const texts = (store: LogStore) => [...store.backwards()].map((one) => one.text).reverse()
const files = () =>
  readdirSync(join(folder, 'a1'))
    .sort()
    .map((name) => join(folder, 'a1', name))

it('gives back what was appended, over a restart, with rising ids', () => {
  open().append([line('one'), line('two\twith\ttabs')])
  const second = open()
  second.append([line('three')])
  expect(texts(second)).toEqual(['one', 'two\twith\ttabs', 'three'])
  expect([...second.backwards()].map((one) => one.id)).toEqual([3, 2, 1])
})
it('is whole after a kill at any byte of a write, with lines and cursors in step', () => {
  const store = open()
  store.append([line('kept', 'c1 p1')])
  const file = files()[0]!
  const before = readFileSync(file)
  store.append([line('second', 'c1 p2'), line('long-', '+c1 p3'), line('er', 'c1 p3'), line('last', 'c1 p4')])
  const whole = readFileSync(file)
  for (let size = before.length; size <= whole.length; size++) {
    writeFileSync(file, whole)
    truncateSync(file, size)
    const again = open()
    const found = texts(again)
    const cursorOf: Record<string, string> = { kept: 'p1', second: 'p2', er: 'p3', last: 'p4' }
    expect(again.cursor('c1')).toBe(cursorOf[found.at(-1)!])
    again.append([line('next')])
    expect(texts(open())).toEqual([...found, 'next'])
    expect([...open().forwards(0)].map((one) => one.id)).toEqual([...found.keys(), found.length].map((index) => index + 1))
  }
})
it('knows every cursor when a new segment had just been begun, at whatever byte', () => {
  const store = open(8)
  store.append([line('one', 'c1 p1')])
  store.append([line('two', 'c2 p9')])
  const newest = files().at(-1)!
  const whole = readFileSync(newest)
  for (let size = 0; size <= whole.length; size++) {
    writeFileSync(newest, whole.subarray(0, size))
    const again = open(1 << 20)
    expect(again.cursor('c1')).toBe('p1')
    expect(again.cursor('c2')).toBe(texts(again).includes('two') ? 'p9' : undefined)
  }
})
it('keeps the cursor of a quiet reader when its lines are long gone, and drops it on request', () => {
  const store = open(8_000)
  store.append([line('quiet', 'q/stdout p1'), line('quiet', 'q/stderr p2')])
  for (let n = 0; n < 1_000; n++) store.append([line(`loud ${n}`, `l/stdout ${n}`)])
  expect(texts(store)).not.toContain('quiet')
  expect([open().cursor('q/stdout'), open().cursor('q/stderr')]).toEqual(['p1', 'p2'])
  store.forget('q')
  expect([open().cursor('q/stdout'), open().cursor('l/stdout')]).toEqual([undefined, '999'])
})
it('stays within its bytes by dropping the oldest (ABUSE 69)', () => {
  const store = open(8_000)
  for (let n = 1; n <= 1000; n++) store.append([line(`line ${n}`)])
  const all = texts(store)
  const bytes = files().reduce((sum, file) => sum + readFileSync(file).length, 0)
  expect(bytes).toBeLessThan(10_000)
  expect(all.at(-1)).toBe('line 1000')
  expect(all).toEqual(Array.from({ length: all.length }, (_, index) => `line ${1001 - all.length + index}`))
})
it('reads lines longer than its blocks, and characters cut by them, whole and both ways', () => {
  const store = open()
  const long = 'ä🚀'.repeat(100_000)
  store.append([line('before'), line(long), line('after')])
  expect(texts(open())).toEqual(['before', long, 'after'])
  expect([...open().forwards(1)].map((one) => one.text)).toEqual([long, 'after'])
})
it('reads on from any id, over segments', () => {
  const store = open(8_000)
  for (let n = 1; n <= 60; n++) store.append([line(`line ${n}`)])
  const ids = [...store.backwards()].map((one) => one.id).reverse()
  for (const id of [0, ...ids]) expect([...store.forwards(id)].map((one) => one.id)).toEqual(ids.filter((one) => one > id))
})

it('lets go of what is too old, file by file, and keeps lines that are younger and every cursor', () => {
  const store = open()
  const hours = (n: number) => new Date(Date.parse('2026-01-01T00:00:00Z') + n * 3_600_000)
  for (let hour = 0; hour < 48; hour++) {
    store.append([{ ...line(`hour ${hour}`, `c${hour} p`), time: hours(hour).toISOString() }])
    const file = files().at(-1)!
    utimesSync(file, hours(hour), hours(hour))
    store.dropOlderThan(hours(hour - 24), hours(hour))
  }
  const kept = texts(store).map((text) => Number(text.slice(5)))
  expect(kept.at(-1)).toBe(47)
  expect(kept[0]).toBeGreaterThan(47 - 24 - 5)
  expect(kept[0]).toBeLessThanOrEqual(47 - 24)
  expect(open().cursor('c0')).toBe('p')
  store.dropOlderThan(hours(1_000), hours(1_024))
  expect(texts(store)).toEqual([])
  store.append([line('after')])
  expect([...open().forwards(0)].map(({ id, text }) => [id, text])).toEqual([[49, 'after']])
})
it('is readable with ordinary tools, as docs/logs.md says', () => {
  const store = open()
  store.append([line('hello'), line('a\ttab and # sign')])
  expect(readFileSync(new URL('../../docs/logs.md', import.meta.url), 'utf8')).toContain("*.log | grep -v '^#' | cut -f 2,4,7-")
  const all = files().map((file) => readFileSync(file, 'utf8')).join('') // prettier-ignore
  const lines = execFileSync('grep', ['-v', '^#'], { input: all })
  const shown = execFileSync('cut', ['-f', '2,4,7-'], { input: lines, encoding: 'utf8' })
  expect(shown.split('\n')).toEqual([
    expect.stringMatching(/^2026-\S+\tweb\.1\thello$/),
    expect.stringMatching(/\ta\ttab and # sign$/),
    '',
  ])
})
