import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LogLine } from './line.ts'
import { logStore } from './store.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (bytes = 1 << 20) => logStore({ folder, appId: 'a1', bytes })
const line = (store: ReturnType<typeof open>, text: string, origin?: string): LogLine => ({
  id: store.nextId(), appId: 'a1', source: 'app', dyno: 'web.1', text, time: '2026-01-01T00:00:00.000000+00:00', release: 2, origin,
}) // prettier-ignore
const texts = (store: ReturnType<typeof open>) => [...store.backwards()].map((one) => one.text).reverse()
const file = () =>
  join(
    folder,
    'a1',
    readdirSync(join(folder, 'a1')).find((name) => name.endsWith('.log'))!,
  )

it('gives back what was appended, over a restart, with rising ids', () => {
  const first = open()
  first.append([line(first, 'one'), line(first, 'two\twith\ttabs')])
  const second = open()
  second.append([line(second, 'three')])
  expect(texts(second)).toEqual(['one', 'two\twith\ttabs', 'three'])
  expect([...second.backwards()].map((one) => one.id)).toEqual([3, 2, 1])
})
it('is whole after a kill at any byte of a write, with lines and positions in step', () => {
  const store = open()
  store.append([line(store, 'kept', 'c1 p1')])
  const before = readFileSync(file())
  store.append([line(store, 'second', 'c1 p2'), line(store, 'third', 'c1 p2')])
  const whole = readFileSync(file())
  for (let size = before.length; size <= whole.length; size++) {
    writeFileSync(file(), whole)
    truncateSync(file(), size)
    const again = open()
    const count = texts(again).length
    expect(again.stored('c1')).toEqual(
      [undefined, { position: 'p1', count: 1 }, { position: 'p2', count: 1 }, { position: 'p2', count: 2 }][count],
    )
    again.append([line(again, 'next')])
    expect(texts(again).at(-1)).toBe('next')
  }
})
it.each([
  ['absent', ''],
  ['damaged', '{"id":'],
])('knows positions also when the short cut is %s', (_title, text) => {
  const store = open()
  store.append([line(store, 'x', 'c1 p1'), line(store, 'y', 'c2 p9')])
  if (text) writeFileSync(join(folder, 'a1', 'positions.json'), text)
  expect(open().stored('c2')).toEqual({ position: 'p9', count: 1 })
})
it('adds to the short cut what came after it', () => {
  const store = open()
  store.append([line(store, 'x', 'c1 p1')])
  store.savePositions()
  store.append([line(store, 'y', 'c1 p1'), line(store, 'z', 'c2 p5')])
  const again = open()
  expect([again.stored('c1'), again.stored('c2')]).toEqual([{ position: 'p1', count: 2 }, { position: 'p5', count: 1 }]) // prettier-ignore
})
it('stays within its bytes by dropping the oldest', () => {
  const store = open(8_000)
  for (let n = 1; n <= 1000; n++) store.append([line(store, `line ${n}`)])
  const all = texts(store)
  const bytes = readdirSync(join(folder, 'a1')).reduce((sum, name) => sum + readFileSync(join(folder, 'a1', name)).length, 0)
  expect(bytes).toBeLessThan(10_000)
  expect(all.at(-1)).toBe('line 1000')
  expect(all).toEqual(Array.from({ length: all.length }, (_, index) => `line ${1001 - all.length + index}`))
})
it('reads lines longer than its chunks, and characters cut by them, whole', () => {
  const store = open()
  const long = 'ä🚀'.repeat(40_000)
  store.append([line(store, 'before'), line(store, long), line(store, 'after')])
  expect(texts(open())).toEqual(['before', long, 'after'])
})
