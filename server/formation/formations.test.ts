import { expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { systemIds } from '../ids.ts'
import type { Release } from '../releases/release.ts'
import { formations } from './formations.ts'

const release = (version: number, processTypes: Record<string, string>) =>
  ({ appId: 'a1', version, source: { processTypes } }) as unknown as Release

function make(processTypes: Record<string, string> = { web: 'node .', worker: 'node w', release: 'migrate' }) {
  const lines: string[] = []
  let current = release(2, processTypes)
  const f = formations({
    db: shopDb(),
    clock: { now: () => new Date(0), sleep: async () => {} },
    ids: systemIds,
    logs: { publish: ({ text }) => lines.push(text) },
    newest: () => current,
    current: () => current,
    wake: () => {},
  })
  return { f, lines, deploy: (version: number) => (current = release(version, processTypes)), slots: () => f.slots(current) }
}
const counts = (f: ReturnType<typeof make>['f']) => Object.fromEntries(f.list(shop).map((entry) => [entry.type, entry.quantity]))

it('starts with one web and nothing else', () => {
  const { f, slots } = make()
  expect(counts(f)).toEqual({ web: 1, worker: 0, release: 0 })
  expect(slots().map((s) => `${s.type}.${s.ordinal}`)).toEqual(['web.1'])
})
it('sets and counts up and down, several at once, and says so', () => {
  const { f, lines } = make()
  f.scale(shop, user, [{ type: 'web', quantity: '3' }, { type: 'worker', quantity: '+2' }]) // prettier-ignore
  f.scale(shop, user, [{ type: 'web', quantity: '-1' }])
  expect(counts(f)).toEqual({ web: 2, worker: 2, release: 0 })
  expect(lines[0]).toBe('Scale to web=3 worker=2 by user dev@example.com')
})
it('changes nothing when one of several is wrong', () => {
  const { f } = make()
  expect(() => f.scale(shop, user, [{ type: 'web', quantity: '3' }, { type: 'wrong', quantity: '1' }])).toThrow(/The Procfile has: web, worker/) // prettier-ignore
  expect(counts(f)['web']).toBe(1)
})
it('keeps quantities over deploys', () => {
  const { f, deploy } = make()
  f.scale(shop, user, [{ type: 'web', quantity: 2 }])
  deploy(3)
  expect(counts(f)['web']).toBe(2)
})
it.each(['-2', '1e9', 'NaN', '1;id', '٣', '', '101', '1.5', ' 1', '+101', '-0'])('refuses the quantity %j', (quantity) =>
  expect(() => make().f.scale(shop, user, [{ type: 'web', quantity }])).toThrowError(
    expect.objectContaining({ code: 'invalid_params' }),
  ),
)
it.each([-1, Number.NaN, 1e9, 1.5])('refuses the quantity %d', (quantity) =>
  expect(() => make().f.scale(shop, user, [{ type: 'web', quantity }])).toThrowError(
    expect.objectContaining({ code: 'invalid_params' }),
  ),
)
it('refuses to scale the release process', () =>
  expect(() => make().f.scale(shop, user, [{ type: 'release', quantity: 1 }])).toThrow(/once per release/))
it('is not fooled by a type named like a property', () => {
  const { f } = make(Object.fromEntries([['__proto__', 'id'], ['constructor', 'id']])) // prettier-ignore
  f.scale(shop, user, [{ type: 'constructor', quantity: 1 }])
  expect(f.list(shop).map((entry) => [entry.type, entry.quantity])).toEqual([['__proto__', 0], ['constructor', 1]]) // prettier-ignore
})
it('raises the generation of what is restarted, and only of that', () => {
  const { f, slots } = make()
  f.scale(shop, user, [{ type: 'web', quantity: 2 }, { type: 'worker', quantity: 1 }]) // prettier-ignore
  const generations = () => slots().map((s) => s.generation)
  f.restart(shop, user, { type: 'web', ordinal: 2 })
  expect(generations()).toEqual([0, 1, 0])
  f.restart(shop, user, { type: 'web' })
  expect(generations()).toEqual([2, 2, 0])
  f.restart(shop, user)
  expect(generations()).toEqual([3, 3, 3])
})
it('keeps a stopped dyno down until it is restarted, scaled or released anew', () => {
  const { f, slots, deploy } = make()
  const stopped = () => slots().map((s) => s.stopped)
  f.stop(shop, user, { type: 'web', ordinal: 1 })
  expect(stopped()).toEqual([true])
  f.restart(shop, user, { type: 'web' })
  expect(stopped()).toEqual([false])
  f.stop(shop, user, { type: 'web' })
  f.scale(shop, user, [{ type: 'web', quantity: 2 }])
  expect(stopped()).toEqual([false, false])
  f.stop(shop, user, { type: 'web' })
  deploy(3)
  expect(stopped()).toEqual([false, false])
})
it('refuses to restart what is not there', () => {
  expect(() => make().f.restart(shop, user, { type: 'web', ordinal: 2 })).toThrowError(
    expect.objectContaining({ code: 'not_found' }),
  )
  expect(() => make().f.restart(shop, user, { type: 'nope' })).toThrow(/process type "nope"/)
})
