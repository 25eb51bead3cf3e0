import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { systemClock } from '../clock.ts'
import { collector } from './collector.ts'
import { logStream } from './stream.ts'

let folder: string
const streams: ReturnType<typeof logStream>[] = []
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))))
afterEach(() => {
  for (const stream of streams.splice(0)) stream.flush()
  rmSync(folder, { recursive: true, force: true })
})

const about = { appId: 'a1', dyno: 'web.1', release: 2 }
async function setUp() {
  const engine = fakeEngine()
  const id = await engine.create({ name: 'c', image: 'img', env: {}, labels: {}, network: 'none' })
  await engine.start(id)
  /** A controller's life: `kill` is what a SIGKILL leaves, nothing said goodbye. */
  const live = () => {
    const stream = logStream({ folder, clock: systemClock, bytesPerApp: 1 << 20 })
    streams.push(stream)
    return { stream, ...collector({ engine, stream, clock: systemClock }) }
  }
  return { engine, id, live, container: (await engine.find(id))! }
}
const texts = async (stream: ReturnType<typeof logStream>) => (await stream.read('a1', {})).map((line) => line.text)
const P = (n: number) => `2026-01-01T00:00:00.00000000${n}Z`

it('keeps what an exited process said, to its last line without a line end', async () => {
  const { engine, id, live, container } = await setUp()
  const one = live()
  engine.say(id, 'first\n')
  one.watch(container, about)
  one.watch(container, about)
  engine.say(id, 'last words')
  engine.crash(id)
  await one.finished(id)
  expect(await texts(one.stream)).toEqual(['first', 'last words'])
})
it('goes on after a kill without a gap and without a double, also where lines share a position', async () => {
  const { engine, id, live, container } = await setUp()
  const one = live()
  one.watch(container, about)
  engine.say(id, 'a\n', { position: P(1) })
  engine.say(id, 'b\n', { position: P(2) })
  engine.say(id, 'c\n', { position: P(2) })
  await expect.poll(() => texts(one.stream)).toEqual(['a', 'b', 'c'])
  void one.close()
  engine.say(id, 'd\n', { position: P(2) })
  engine.say(id, 'e\n', { position: P(3) })
  const two = live()
  two.watch(container, about)
  engine.crash(id)
  await two.finished(id)
  expect(await texts(two.stream)).toEqual(['a', 'b', 'c', 'd', 'e'])
})
it('joins the pieces of a long line and never mixes the two streams', async () => {
  const { engine, id, live, container } = await setUp()
  const one = live()
  one.watch(container, about)
  engine.say(id, 'out-', { position: P(1) })
  engine.say(id, 'err-', { stream: 'stderr', position: P(2) })
  engine.say(id, 'put\n', { position: P(3) })
  engine.say(id, 'or\n', { stream: 'stderr', position: P(4) })
  engine.crash(id)
  await one.finished(id)
  expect(await texts(one.stream)).toEqual(['out-put', 'err-or'])
})
it('resumes in the middle of a joined line with its first piece', async () => {
  const { engine, id, live, container } = await setUp()
  const one = live()
  one.watch(container, about)
  engine.say(id, 'whole\n', { position: P(1) })
  engine.say(id, 'begun ', { position: P(2) })
  await expect.poll(() => texts(one.stream)).toEqual(['whole'])
  const two = live()
  two.watch(container, about)
  engine.say(id, 'and ended\n', { position: P(3) })
  engine.crash(id)
  await two.finished(id)
  void one.close()
  expect((await texts(two.stream)).slice(0, 2)).toEqual(['whole', 'begun and ended'])
})

const chunk = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  text: fc.constantFrom('x\n', 'piece-', 'é\n', '\n', `${'long'.repeat(4_000)}\n`),
  step: fc.constantFrom(0, 0, 1, 5_000),
})
it('has every line once and in order, wherever a kill cut what was stored', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 25 }), fc.nat(), async (chunks, cut) => {
      rmSync(folder, { recursive: true, force: true })
      const { engine, id, live, container } = await setUp()
      let ms = Date.parse('2026-01-01T00:00:00Z')
      for (const { stream, text, step } of chunks) {
        ms += step
        engine.say(id, text, { stream, position: new Date(ms).toISOString().replace('Z', '000000Z') })
      }
      engine.crash(id)
      const one = live()
      one.watch(container, about)
      await one.finished(id)
      const wanted = await texts(one.stream)
      const file = readdirSync(join(folder, 'a1')).map((name) => join(folder, 'a1', name)).at(-1) // prettier-ignore
      if (file) truncateSync(file, cut % (statSync(file).size + 1))
      const two = live()
      two.watch(container, about)
      await two.finished(id)
      expect(await texts(two.stream)).toEqual(wanted)
    }),
    { numRuns: 60 },
  )
})
it('goes on when the engine ends the stream of a running container', async () => {
  const { engine, id, live, container } = await setUp()
  let cuts = 2
  const stream = live().stream
  const cutting = collector({
    engine: {
      ...engine,
      async *logs(of, options) {
        for await (const some of engine.logs(of, options)) {
          yield some
          if (cuts-- > 0) return
        }
      },
    },
    stream,
    clock: systemClock,
  })
  cutting.watch(container, about)
  for (const text of ['one\n', 'two\n', 'three\n']) engine.say(id, text)
  await expect.poll(() => texts(stream)).toEqual(['one', 'two', 'three'])
  expect(cuts).toBeLessThan(1)
  engine.say(id, 'four')
  engine.crash(id)
  await cutting.finished(id)
  expect(await texts(stream)).toEqual(['one', 'two', 'three', 'four'])
})
describe('what the engine does to its log', () => {
  const at = (n: number) =>
    `2026-01-01T00:00:${String(Math.floor(n / 1000)).padStart(2, '0')}.${String(n % 1000).padStart(3, '0')}000001Z`
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)
  async function reading(entries: readonly { text: string; position: string }[], before: readonly number[] = []) {
    const { engine, id, live, container } = await setUp()
    const one = live()
    if (before.length > 0) {
      one.watch(container, about)
      for (const n of before) engine.say(id, `${n}\n`, { position: at(n) })
      await expect.poll(async () => (await texts(one.stream)).length).toBe(before.length)
      void one.close()
      engine.dropLog(id)
    }
    for (const { text, position } of entries) engine.say(id, text, { position })
    engine.crash(id)
    const two = live()
    two.watch(container, about)
    await two.finished(id)
    return texts(two.stream)
  }
  const entry = (n: number) => ({ text: `${n}\n`, position: at(n) })

  it.each([[0], [150], [999], [1000]])('passes over what comes again after a rotation, from line %i on', async (from) => {
    const all = [...numbers(0, 1001), ...numbers(from, 1200)].map(entry)
    expect(await reading(all)).toEqual(numbers(0, 1200).map(String))
  })
  it('keeps what is new though the clock was set back', async () => {
    const back = numbers(0, 300).map((n) => ({ text: `new ${n}\n`, position: at(n).replace('000001Z', '000007Z') }))
    const all = [...numbers(500, 900).map(entry), ...back]
    expect(await reading(all)).toEqual([...numbers(500, 900).map(String), ...numbers(0, 300).map((n) => `new ${n}`)])
  })
  it('says so when the log no longer reaches back to where it was left', async () => {
    const all = await reading(numbers(900, 903).map(entry), numbers(0, 5))
    expect(all).toEqual([
      ...['0', '1', '2', '3', '4'],
      'Error L12 (Local buffer overflow) -> Messages before this one were dropped: the engine had rotated its log away before it could be read.',
      ...['900', '901', '902'],
    ])
  })
})

describe('a process that is held', () => {
  it('goes on though the engine refuses that at first, and nobody is told that it stands still', async () => {
    const { engine, id, container } = await setUp()
    const stream = logStream({ folder, clock: systemClock, bytesPerApp: 64 << 20 })
    streams.push(stream)
    let refusals = 2
    const unpause = async (one: string) => {
      if (refusals-- > 0) throw new Error('runc did not terminate successfully')
      await engine.unpause(one)
    }
    const one = collector({ engine: { ...engine, unpause }, stream, clock: systemClock })
    one.watch(container, about)
    const ago = (ms: number) => new Date(Date.now() - ms).toISOString().replace('Z', '000000Z')
    const pauses = () => engine.find(id).then((found) => found?.state)
    for (let n = 0; n < 40; n++) engine.say(id, `${'x'.repeat(1 << 20)}\n`, { position: ago(4_000 - n * 50) })
    await expect.poll(pauses, { timeout: 20_000 }).toBe('paused')
    expect(one.wasHeld(id)).toBe(true)
    await expect.poll(pauses, { timeout: 20_000 }).toBe('running')
    expect(refusals).toBeLessThan(0)
  })
})
