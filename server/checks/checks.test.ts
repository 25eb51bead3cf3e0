import { expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { checks, DEFAULT_CHECK } from './checks.ts'

const make = () => {
  const lines: string[] = []
  let wakes = 0
  const all = checks({ db: shopDb(), logs: { publish: ({ text }) => lines.push(text) }, wake: () => wakes++ })
  return { all, lines, wakes: () => wakes }
}

it('hold every type to the default until one is set, and again once it is removed', () => {
  const { all, lines, wakes } = make()
  expect(all.of(shop.id, 'web')).toEqual(DEFAULT_CHECK)
  all.set(shop, user, 'web', { path: '/health', interval: 2, timeout: 0.5, failures: 1 })
  expect(all.of(shop.id, 'web')).toEqual({ path: '/health', intervalMs: 2000, timeoutMs: 500, failures: 1 })
  expect(all.list(shop.id)).toHaveLength(1)
  all.set(shop, user, 'web', { path: '/ready?x=1' })
  expect(all.of(shop.id, 'web')).toEqual({ ...DEFAULT_CHECK, path: '/ready?x=1' })
  all.unset(shop, user, 'web')
  expect(all.of(shop.id, 'web')).toEqual(DEFAULT_CHECK)
  expect([lines.length, wakes()]).toEqual([3, 3])
})

it.each([
  [{ path: 'health' }, 'path'],
  [{ path: '/a b' }, 'path'],
  [{ path: '/\r\nX: y' }, 'path'],
  [{ path: '/', interval: 0 }, 'interval should be a number from 1 to 3600'],
  [{ path: '/', timeout: 61 }, 'timeout'],
  [{ path: '/', failures: 1.5 }, 'failures'],
  [{ path: '/', interval: '5' as never }, 'interval'],
])('refuse %j', (input, message) => expect(() => make().all.set(shop, user, 'web', input)).toThrow(message))

it('are for what listens', () => {
  expect(() => make().all.set(shop, user, 'worker', { path: '/' })).toThrow('only web')
  expect(() => make().all.unset(shop, user, 'web')).toThrow('has no health check')
})
