import { expect, it, onTestFinished } from 'vitest'
import type { RouterCounts } from '../server/api/wire.ts'
import { DURATIONS_MS, Ledger, Tally } from './tally.ts'
import { until, World } from './testing.ts'

const nothing = { inflight: {}, connections: 0, memoryBytes: 0 }

it('adds up what processes counted since they were last asked, and keeps it when one ends', () => {
  const [one, two, ledger] = [new Tally(), new Tally(), new Ledger()]
  one.count('a1', { status: 200, ms: 3, sent: 10, received: 1 })
  two.count('a1', { status: 503, code: 'H12', ms: 99_999, sent: 5, received: 0 })
  two.count('a1', { status: 101, sent: 5, received: 5 })
  ledger.sum([
    { ...nothing, counts: one.take() },
    { ...nothing, counts: two.take() },
  ])
  one.count('a1', { status: 200, ms: 3, sent: 10, received: 1 })
  const { apps } = ledger.sum([{ ...nothing, counts: one.take() }, undefined])
  const durations = DURATIONS_MS.map((bound) => (bound === 5 ? 2 : 0))
  expect(apps).toEqual({
    a1: {
      requests: [1, 2, 0, 0, 1],
      codes: { H12: 1 },
      sent: 30,
      received: 7,
      durations: [...durations, 1],
      durationMs: 100_005,
    },
  })
})

it('forgets apps that are gone, and never what nobody has', () => {
  const [tally, ledger] = [new Tally(), new Ledger()]
  for (const id of ['a1', 'a2', '']) tally.count(id, { status: 404, sent: 0, received: 0 })
  ledger.sum([{ ...nothing, counts: tally.take() }])
  ledger.keep(new Set(['a2']))
  expect(Object.keys(ledger.sum([]).apps)).toEqual(['a2', ''])
})

it('tells requests, codes, bytes, durations, what is in flight and connections of a real router', async () => {
  const world = await new World().start()
  onTestFinished(() => world.end())
  const counts = async () => JSON.parse((await world.control('GET', '/counts')).body) as RouterCounts
  await world.serve(
    await world.app((req, res) => (req.url === '/held' ? res.write('x') : req.resume().on('end', () => res.end('hello')))),
  )
  await world.get('/', { method: 'POST' }, 'four')
  await world.get('/', { headers: { host: 'nobody.localhost' } })
  await (await world.dial()).send('NONSENSE\r\n\r\n').ended()
  const held = (await world.dial()).send('GET /held HTTP/1.1\r\nHost: shop.localhost\r\n\r\n')
  await held.see('x')
  const busy = await counts()
  expect(busy.apps['a1']).toMatchObject({ requests: [0, 1, 0, 0, 0], sent: 5, received: 4 })
  expect(busy.apps['']!.requests).toEqual([0, 0, 0, 2, 0])
  expect(busy.inflight).toEqual({ a1: 1 })
  expect(busy.connections).toBe(1)
  expect(busy.memoryBytes).toBeGreaterThan(1e6)
  held.socket.resetAndDestroy()
  await until(async () => (await counts()).apps['a1']!.codes['H27'] === 1)
  await world.serve(await world.refusing())
  await world.get()
  const { apps, inflight } = await counts()
  expect(apps['a1']).toMatchObject({ codes: { H27: 1, H21: 1 }, requests: [0, 2, 0, 0, 1] })
  expect(apps['a1']!.durations.reduce((a, b) => a + b)).toBe(3)
  expect(inflight).toEqual({})
})
