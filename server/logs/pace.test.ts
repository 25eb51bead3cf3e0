import { expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import type { LogChunk } from '../engine/port.ts'
import { pace } from './pace.ts'

const MiB = 1024 ** 2

function setUp(patched: Partial<Parameters<typeof pace>[0]> = {}) {
  const clock = fakeClock(Date.parse('2026-01-01T00:00:00Z'))
  const done: string[] = []
  const note = (what: string) => () => (done.push(what), Promise.resolve())
  const stop = new AbortController()
  let end: string | undefined
  const newest = () => (done.push('asks'), Promise.resolve(end))
  const one = pace({ clock, signal: stop.signal, pause: note('pause'), unpause: note('unpause'), newest, ...patched })
  const begin = () => one.begin(() => void done.push('restart'))
  begin()
  /** So many bytes of lines, printed that long ago. */
  const positionOf = (agoMs: number) => new Date(clock.now().getTime() - agoMs).toISOString().replace('Z', '000000Z')
  const read = (bytes: number, agoMs: number) => {
    const position = positionOf(agoMs)
    const chunk: LogChunk = { stream: 'stdout', position, bytes: Buffer.alloc(0), line: 'x'.repeat(bytes) }
    return one.read([chunk])
  }
  /** The engine's log ends with what was printed that long ago. */
  const endAt = (agoMs: number) => (end = positionOf(agoMs))
  const did = () => done.filter((what) => what !== 'asks')
  return { clock, done, did, stop, begin, read, endAt, released: one.released }
}

it('holds a process that prints faster than it is read, and lets it go on when its lines are here', async () => {
  const { clock, did, read, endAt } = setUp()
  endAt(0)
  for (let n = 0; n < 20; n++) read(MiB, 2_000 - n * 50)
  expect(did()).toEqual(['pause'])
  for (let step = 0; step < 40; step++) {
    read(MiB / 2, 1_000 + 21 * step - step * 20)
    await clock.advance(20)
    expect(did()).toEqual(['pause'])
  }
  read(MiB, 40 * 20)
  await clock.advance(20)
  expect(did()).toEqual(['pause', 'unpause'])
})
it('lets it go on when the engine does not say where its log ends and nothing more comes, and when it ends itself', async () => {
  for (const end of [false, true]) {
    const { clock, did, read, stop, released } = setUp()
    for (let n = 0; n < 20; n++) read(n < 12 ? MiB : 1, 3_000 - n * 50)
    if (end) stop.abort()
    else for (let step = 0; step < 10; step++) await clock.advance(20)
    await released()
    expect(did()).toEqual(['pause', 'unpause'])
  }
})
it('holds nothing anew for lines that were printed before a hold, nor before that is over', async () => {
  const done: string[] = []
  let goOn = () => {}
  const unpause = () => (done.push('unpause'), new Promise<void>((resolve) => void (goOn = resolve)))
  const { clock, read, endAt, released } = setUp({ unpause, pause: () => (done.push('pause'), Promise.resolve()) })
  endAt(100)
  for (let n = 0; n < 2; n++) read(MiB, 2_000 - n * 50)
  for (let n = 0; n < 20; n++) await clock.advance(100)
  for (let n = 0; n < 20; n++) read(MiB, 2_000 + 1_050 - n * 50)
  await clock.advance(20)
  expect(done).toEqual(['pause', 'unpause'])
  expect(read(MiB, 2_040)).toBe(true)
  expect(done).toEqual(['pause', 'unpause'])
  goOn()
  await released()
  expect(read(MiB, 2_030)).toBe(true) // 2,020 ms of which it was held
  expect(done).toEqual(['pause', 'unpause'])
  await clock.advance(1_500)
  read(MiB, 3_520)
  expect(done).toEqual(['pause', 'unpause', 'pause'])
})
it('lets it go on when the engine fails to say that it is paused', async () => {
  const { clock, did, read, released } = setUp({ pause: () => Promise.reject(new Error('time-out')) })
  for (let n = 0; n < 20; n++) read(MiB, 2_000 - n * 50)
  await clock.advance(0)
  await released()
  expect(did()).toContain('unpause')
})
it('never holds one that prints little, however late its lines are', async () => {
  const { clock, did, read } = setUp()
  for (let n = 0; n < 50; n++) {
    read(10_000, 60_000)
    await clock.advance(100)
  }
  expect(did()).toEqual([])
})
it.each([
  ['begins anew when the engine is silent before the end of its log', 500, ['restart']],
  ['goes on when the log is read to its end', 2_000, []],
])('%s', async (_, endAgoMs, wanted) => {
  const { clock, done, did, read, endAt } = setUp()
  for (let n = 0; n < 3; n++) {
    read(MiB, 1_000)
    await clock.advance(1_000)
  }
  expect(done).toEqual([])
  endAt(endAgoMs)
  for (let n = 0; n < 3; n++) await clock.advance(2_100)
  expect(done.filter((what) => what === 'asks')).toHaveLength(1)
  expect(did()).toEqual(wanted)
})
it('asks after each new beginning, though nothing came', async () => {
  const { clock, did, begin, endAt } = setUp()
  endAt(0)
  begin()
  for (let n = 0; n < 3; n++) await clock.advance(2_100)
  expect(did()).toEqual(['restart'])
})
it('waits twice as long after each beginning that gave nothing, and asks again when the engine does not answer', async () => {
  const { clock, did, begin, endAt } = setUp()
  begin()
  await clock.advance(2_100)
  endAt(0)
  await clock.advance(2_100)
  expect(did()).toEqual(['restart'])
  begin()
  await clock.advance(3_900)
  expect(did()).toEqual(['restart'])
  await clock.advance(4_200)
  expect(did()).toEqual(['restart', 'restart'])
})

it('begins anew under the hold when it is young, and where the engine passed over much', async () => {
  const { clock, did, begin, read, released } = setUp()
  for (let n = 0; n < 2; n++) read(MiB, 2_000 - n * 40)
  await clock.advance(0)
  begin()
  expect(did()).toEqual(['pause', 'restart'])
  read(MiB, 0)
  for (let step = 0; step < 3; step++) await clock.advance(20)
  await released()
  expect(did()).toEqual(['pause', 'restart', 'unpause'])
  const kept = Array.from({ length: 80 }, (_, n) => read(MiB, 60_000 - n * 30))
  expect(kept).toEqual(Array.from({ length: 80 }, () => true))
  expect(read(MiB, 10_000)).toBe(false)
  expect(did().at(-1)).toBe('restart')
})
