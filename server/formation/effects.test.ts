import { beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop } from '../../test/support/memory.ts'
import { EngineError } from '../engine/port.ts'
import type { Release } from '../releases/release.ts'
import { effects } from './effects.ts'
import type { Seen } from './haves.ts'

const release = { version: 4, source: { processTypes: { web: 'node .' } } } as unknown as Release
const slot = { type: 'web', ordinal: 1, generation: 0, stopped: false }
const have = { id: 'c1', appId: shop.id, type: 'web', ordinal: 1, version: 4, address: '10.0.0.1:80' } as Seen

describe('what a pass sets going', () => {
  let clock: ReturnType<typeof fakeClock>
  let said: string[]
  let starts: number
  let cause: Error | undefined
  let inFlight: number
  beforeEach(() => {
    clock = fakeClock()
    said = []
    starts = 0
    cause = undefined
    inFlight = 0
  })
  const make = () =>
    effects({
      engine: { stop: async () => {}, kill: async () => {}, remove: async () => {}, find: async () => undefined },
      clock,
      dynos: { start: async () => { starts++; if (cause) throw cause }, instance: 'i' },
      narrator: { say: (_: Seen, text: string) => void said.push(text), observe: () => {} } as never,
      drained: async () => inFlight, finished: async () => {}, limits: { stopTimeoutMs: 1000, drainTimeoutMs: 30_000 }, stopTimeoutMs: () => 1000,
      wake: () => {}, onError: () => {},
    } as never) // prettier-ignore
  const turn = () => clock.advance(0)
  const start = async (does: ReturnType<typeof make>, refused: string[] = []) => {
    does.start({ app: shop, release, slot, crashes: 0, onRefused: (message) => refused.push(message) }, new Set())
    await turn()
  }

  it('tells once why a process cannot be started, and tries it less and less often', async () => {
    const does = make()
    cause = new EngineError('no_such_image', 'No such image: sha256:1')
    const refused: string[] = []
    await start(does, refused)
    expect(said).toEqual(['Starting process with command `node .`', expect.stringMatching(/^Error starting the process: the image of v4 is gone/)])
    expect(refused).toEqual([expect.stringMatching(/^web\.1 could not be started: the image of v4 is gone/)])
    for (const [afterMs, times] of [[1_999, 1], [1, 2], [3_999, 2], [1, 3], [7_999, 3], [1, 4]] as const) {
      await clock.advance(afterMs)
      await start(does)
      expect(starts).toBe(times)
    }
    expect(said).toHaveLength(2)
    expect(does.refusal(shop.id, 4, slot)).toMatchObject({ times: 4, message: expect.stringContaining('push its commit again') as string })
    cause = undefined
    await clock.advance(30_000)
    await start(does)
    expect(does.refusal(shop.id, 4, slot)).toBeUndefined()
  }) // prettier-ignore

  it('fails no release because the engine is away, and asks it again soon', async () => {
    const does = make()
    cause = new EngineError('unreachable', 'connect ENOENT')
    const refused: string[] = []
    for (const times of [1, 2, 3]) {
      await start(does, refused)
      expect(starts).toBe(times)
      await clock.advance(2_000)
    }
    expect(refused).toEqual([])
  })

  it('counts the connections that outlast the drain as cut', async () => {
    const does = make()
    inFlight = 2
    does.retire(have)
    await turn()
    await turn()
    const cost = { served: 5, failed: 0, longestWaitMs: 1, drained: 0, cut: 0 }
    expect(does.withCuts(shop.id, cost)).toEqual({ ...cost, failed: 2, cut: 2 })
    expect(does.withCuts(shop.id, cost)).toEqual(cost)
    expect(said[0]).toBe('2 requests are still in flight after 30 seconds')
  })

  it('takes a container that was removed for gone as long as a look may last, then for what the engine says', async () => {
    const does = make()
    does.remove(have)
    await turn()
    await turn()
    await clock.advance(9_000)
    expect([does.isRetiring('c1'), does.isDrained('c1')]).toEqual([true, true])
    await clock.advance(1_001)
    expect([does.isRetiring('c1'), does.isDrained('c1')]).toEqual([false, false])
  })
})
