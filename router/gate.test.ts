import { beforeEach, describe, expect, it } from 'vitest'
import type { RouteRules } from '../server/api/wire.ts'
import { Book } from './book.ts'
import { Gate, type Refusal } from './gate.ts'

let now: number
let book: Book
beforeEach(() => {
  now = 0
  book = new Book(() => now)
})

/** A process of the router; its desk answers at once, as the main process's does, or when told to. */
function process_() {
  const desk = book.desk()
  const held: (() => void)[] = []
  let isSlow = false
  const slow = { ask: (...args: Parameters<typeof desk.ask>) => (isSlow ? void held.push(() => desk.ask(...args)) : desk.ask(...args)), leave: desk.leave } // prettier-ignore
  const gate = new Gate(slow, () => now)
  const ask = (rules: RouteRules) => {
    let answer: Refusal | 'in' | 'waits' = 'waits'
    gate.enter({ id: 'a1', rules }, (refusal) => (answer = refusal ?? 'in'))
    return () => answer
  }
  return {
    enter: (rules: RouteRules) => ask(rules)(),
    ask,
    leave: (rules: RouteRules) => gate.leave({ id: 'a1', rules }),
    slow: () => (isSlow = true),
    answer: () => held.splice(0).forEach((one) => one()),
    close: desk.close,
    gate,
  }
}
const count = (from: () => unknown, times: number) => Array.from({ length: times }, from).filter((one) => one === 'in').length

describe('a rate', () => {
  const rate = { rate: { count: 50, perMs: 60_000 } }

  it('is one for all processes, to the request, and says when to come again', () => {
    const [one, two] = [process_(), process_()]
    expect(count(() => one.enter(rate), 30)).toBe(30)
    expect(count(() => two.enter(rate), 30)).toBe(20)
    expect(one.enter(rate)).toEqual({ why: 'rate', retryS: 2 })
    now += 1_200
    expect([one.enter(rate), two.enter(rate)]).toEqual(['in', { why: 'rate', retryS: 2 }])
    now += 60_000
    expect(count(() => one.enter(rate), 100)).toBe(50)
  })

  it('is fetched ahead when it is high, so that few requests wait for the main process', () => {
    const high = { rate: { count: 1000, perMs: 1000 } }
    const one = process_()
    expect(one.enter(high)).toBe('in')
    one.slow()
    expect(count(() => one.enter(high), 100)).toBe(49)
    one.answer()
    one.answer()
    expect(one.enter(high)).toBe('in')
  })

  it('refuses a flood without asking the main process again and again', () => {
    const one = process_()
    count(() => one.enter(rate), 51)
    one.slow()
    expect(one.enter(rate)).toMatchObject({ why: 'rate' })
    now += 1_200
    expect(one.enter(rate)).toBe('waits')
  })

  it('that is changed begins anew; without one all enter', () => {
    const one = process_()
    count(() => one.enter(rate), 51)
    now += 1_200
    expect(count(() => one.enter({ rate: { count: 5, perMs: 1000 } }), 10)).toBe(5)
    expect(one.enter({})).toBe('in')
  })
})

describe('connections', () => {
  const two = { connections: 2 }

  it('are counted over all processes until they leave', () => {
    const [one, other] = [process_(), process_()]
    expect([one.enter(two), other.enter(two), one.enter(two)]).toEqual(['in', 'in', { why: 'full' }])
    other.leave(two)
    now += 30
    expect([one.enter(two), other.enter(two)]).toEqual(['in', { why: 'full' }])
  })

  it('of a process that has ended are free', () => {
    const [one, other] = [process_(), process_()]
    expect(count(() => one.enter(two), 2)).toBe(2)
    one.close()
    expect(count(() => other.enter(two), 3)).toBe(2)
  })

  it('that the rate refuses take no place', () => {
    const both = { connections: 2, rate: { count: 1, perMs: 1000 } }
    const one = process_()
    expect([one.enter(both), one.enter(both)]).toEqual(['in', { why: 'rate', retryS: 1 }])
    one.leave(both)
    expect(count(() => process_().enter(two), 3)).toBe(2)
  })
})

it('apps without limits leave nothing behind', () => {
  const one = process_()
  one.enter({ rate: { count: 1, perMs: 1000 } })
  one.gate.keep(() => false)
  book.keep(() => false)
  expect(one.enter({ rate: { count: 1, perMs: 1000 } })).toBe('in')
})
