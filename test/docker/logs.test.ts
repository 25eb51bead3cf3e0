import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../server/clock.ts'
import { dockerEngine } from '../../server/engine/docker.ts'
import { collector } from '../../server/logs/collector.ts'
import { logStream } from '../../server/logs/stream.ts'

const engine = dockerEngine({ socket: process.env['DOZEN_DOCKER_SOCKET'] || '/var/run/docker.sock' })
const labels = { 'dozen.instance': `test-${randomUUID().slice(0, 8)}` }
const folder = mkdtempSync(join(tmpdir(), 'dozen-logs-'))
let image = ''
beforeAll(async () => {
  const [stack] = (await engine.images({ 'dozen.role': 'stack' })).filter((one) => one.tags.includes('dozen/stack:latest'))
  if (!stack) throw new Error('The stack image is not there: `npm test` makes it.')
  image = stack.id
})
afterAll(async () => {
  for (const container of await engine.list(labels)) await engine.remove(container.id)
  rmSync(folder, { recursive: true, force: true })
})

const begin = async (program: string) => {
  const id = await engine.create({
    name: `dozen-test-${randomUUID()}`,
    image,
    cmd: ['node', '-e', program],
    env: {},
    labels,
    network: 'none',
  })
  await engine.start(id)
  return id
}
const live = () => {
  const stream = logStream({ folder, clock: systemClock, bytesPerApp: 64 << 20 })
  return { stream, ...collector({ engine, stream, clock: systemClock }) }
}
const about = (appId: string) => ({ appId, dyno: 'web.1', release: 1 })

it('keeps every line of both streams once and in order while the reader is killed again and again', async () => {
  const appId = randomUUID()
  const id = await begin(`
    const fs = require('fs')
    for (let n = 0; n < 20000; n++) {
      fs.writeSync(1, 'out ' + n + (n % 1000 === 0 ? 'x'.repeat(50000) : '') + '\\n')
      fs.writeSync(2, 'err ' + n + '\\n')
    }
    fs.writeSync(1, 'no line end')`)
  for (let kill = 0; kill < 12; kill++) {
    const one = live()
    const before = one.stream.head(appId)
    one.watch({ id }, about(appId))
    await expect
      .poll(() => one.stream.head(appId) > before || one.stream.head(appId) > 39_000, { timeout: 20_000, interval: 20 })
      .toBe(true)
    void one.close()
    one.stream.flush()
    const segment = readdirSync(join(folder, appId)).sort().map((name) => join(folder, appId, name)).at(-1)! // prettier-ignore
    truncateSync(segment, Math.max(0, statSync(segment).size - 137 * kill))
  }
  await engine.wait(id)
  const last = live()
  last.watch({ id }, about(appId))
  await last.finished(id)
  const all = (await last.stream.read(appId, { source: 'app' })).map((line) => line.text)
  for (const name of ['out', 'err']) {
    const numbers = all.flatMap((text) => (text.startsWith(`${name} `) ? [parseInt(text.slice(4), 10)] : []))
    expect(numbers).toEqual(Array.from({ length: 20_000 }, (_, index) => index))
  }
  expect(all.filter((text) => /^x+$/.test(text))).toHaveLength(20 * 5)
  expect(all.at(-1)).toBe('no line end')
})
it('has the words of a process that dies at once', async () => {
  const appId = randomUUID()
  const one = live()
  const id = await begin(`require('fs').writeSync(2, 'dying words'); process.kill(process.pid, 'SIGKILL')`)
  one.watch({ id }, about(appId))
  await engine.wait(id)
  await one.finished(id)
  expect((await one.stream.read(appId, {})).map((line) => line.text)).toEqual(['dying words'])
})
it('shows any bytes, and never ends a record by them', async () => {
  const appId = randomUUID()
  const one = live()
  const id = await begin(`require('fs').writeSync(1, Buffer.from([0xff, 0xfe, 0, 0x1b, 0x5b, 0x0d, 0x61, 0x0a]))`)
  one.watch({ id }, about(appId))
  await engine.wait(id)
  await one.finished(id)
  expect((await one.stream.read(appId, {})).map((line) => line.text)).toEqual(['\ufffd\ufffd␀\u001b[␊a'])
})
it('gives only the last entries to who asks for them', async () => {
  const id = await begin(`console.log('first'); console.log('second')`)
  await engine.wait(id)
  const last: (string | undefined)[] = []
  for await (const chunks of engine.logs(id, { follow: false, tail: 1 })) last.push(...chunks.map(({ line }) => line))
  expect(last).toEqual(['second'])
})
