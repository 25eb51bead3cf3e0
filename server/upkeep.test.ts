import { expect, it } from 'vitest'
import { fakeClock } from '../test/support/fake-clock.ts'
import { upkeep } from './upkeep.ts'

it('does its chores again and again, those on demand when asked, until they go well', async () => {
  const clock = fakeClock()
  const done: string[] = []
  const told: string[] = []
  let isBroken = true
  const chores = [
    { what: 'always', work: () => void done.push('always') },
    {
      what: 'pruning',
      isOnDemand: true,
      work: async () => {
        if (isBroken) throw new Error('away')
        done.push('pruned')
      },
    },
  ]
  const all = upkeep(chores, { clock, onError: (what, cause) => told.push(`${what}: ${(cause as Error).message}`) })
  const stop = new AbortController()
  const running = all.run(stop.signal)
  await clock.advance(0)
  expect([done, told]).toEqual([['always'], ['pruning: away']])
  isBroken = false
  await clock.advance(10_000)
  await clock.advance(10_000)
  expect(done).toEqual(['always', 'always', 'pruned', 'always'])
  all.ask()
  await clock.advance(10_000)
  expect(done.slice(4)).toEqual(['always', 'pruned'])
  stop.abort()
  await running
})
