import { expect, it } from 'vitest'
import type { Usage } from './routes.ts'
import { Turns } from './turns.ts'

const usage = (): Usage => ({ inflight: 0, at: 0, isServing: true, turnAt: 0, starts: 0 })
const round = () => new Promise(setImmediate)

it('lets a burst of one app begin a part in each round of the loop, in order, and another app at once', async () => {
  const [turns, loud, quiet] = [new Turns(), usage(), usage()]
  const began: number[] = []
  const begin = (n: number) => (turns.isFree(loud, 1) ? began.push(n) : turns.wait(loud, () => began.push(n)))
  turns.isFree(loud, 0)
  expect(turns.isFree(quiet, 0)).toBe(true)
  for (let n = 0; n < 30; n += 1) begin(n)
  expect(began).toHaveLength(8)
  expect(turns.isFree(quiet, 1)).toBe(true)
  await round()
  expect(began).toHaveLength(16)
  begin(30)
  await round()
  await round()
  await round()
  expect(began).toEqual(Array.from({ length: 31 }, (_, n) => n))
})

it('never holds back an app that is alone, or was for ten seconds', () => {
  const [turns, loud, quiet] = [new Turns(), usage(), usage()]
  for (let n = 0; n < 100; n += 1) expect(turns.isFree(loud, 1)).toBe(true)
  turns.isFree(quiet, 1)
  const free = (now: number) => Array.from({ length: 100 }, () => turns.isFree(loud, now)).filter(Boolean).length
  expect(free(10_000)).toBe(8)
  expect(free(20_002)).toBe(100)
})
