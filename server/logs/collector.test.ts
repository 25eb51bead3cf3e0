import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
  engine.say(id, 'd\n', { position: P(2) })
  engine.say(id, 'e\n', { position: P(3) })
  const two = live()
  one.close()
  two.watch(container, about)
  engine.crash(id)
  await two.finished(id)
  const all = await texts(two.stream)
  expect(all.filter((text) => text === 'd').length).toBeGreaterThanOrEqual(1)
  expect(all.slice(0, 3)).toEqual(['a', 'b', 'c'])
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
  one.close()
  expect((await texts(two.stream)).slice(0, 2)).toEqual(['whole', 'begun and ended'])
})
