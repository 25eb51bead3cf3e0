import { expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { limits } from './limits.ts'

const MIB = 1024 ** 2
const make = (defaults: Partial<Parameters<typeof limits>[0]['defaults']> = {}) => {
  const lines: string[] = []
  const restarted: string[] = []
  const all = limits({
    db: shopDb(),
    logs: { publish: ({ text }) => lines.push(text) },
    defaults: { memoryBytes: 2048 * MIB, ...defaults },
    types: () => ['web', 'worker', 'release'],
    restart: (_app, _user, { type }) => restarted.push(type),
  })
  return { all, lines, restarted }
}

it('are the defaults until some are set, one by one, and again once they are removed', () => {
  const { all, lines, restarted } = make()
  const standard = { memoryBytes: 2048 * MIB, cpus: null, pids: 4096 }
  expect(all.of(shop.id, 'web')).toEqual(standard)
  expect(all.set(shop, user, 'web', { memory: '512m' })).toEqual({ ...standard, memoryBytes: 512 * MIB })
  expect(all.set(shop, user, 'web', { cpus: 0.5, pids: 100 })).toEqual({ memoryBytes: 512 * MIB, cpus: 0.5, pids: 100 })
  expect(all.set(shop, user, 'web', { memory: null })).toEqual({ ...standard, cpus: 0.5, pids: 100 })
  expect(all.list(shop)).toEqual([
    { type: 'web', limits: { ...standard, cpus: 0.5, pids: 100 }, isOwn: true },
    { type: 'worker', limits: standard, isOwn: false },
    { type: 'release', limits: standard, isOwn: false },
    { type: 'run', limits: standard, isOwn: false },
  ])
  expect(all.unset(shop, user, 'web')).toEqual(standard)
  expect(restarted).toEqual(['web', 'web', 'web', 'web'])
  expect(lines[0]).toBe('Set limits of web to 512 MiB memory, all cores, 4096 processes by user dev@example.com')
})

it('are a share of the cores by default where the platform says so', () => {
  const { all } = make({ cpus: 0.5 })
  expect(all.of(shop.id, 'web').cpus).toBe(0.5)
  expect(all.set(shop, user, 'web', { cpus: 2 }).cpus).toBe(2)
  expect(all.unset(shop, user, 'web').cpus).toBe(0.5)
})

it('of what runs once restart nothing', () => {
  const { all, restarted } = make()
  all.set(shop, user, 'run', { memory: '1.5 GiB' })
  all.set(shop, user, 'release', { memory: 64 * MIB })
  expect(all.of(shop.id, 'run').memoryBytes).toBe(1536 * MIB)
  expect(restarted).toEqual([])
})

it.each([
  ['web', {}, 'Say what to limit'],
  ['web', { memory: '1m' }, 'from 16m up'],
  ['web', { memory: '1 zettabyte' }, 'from 16m up'],
  ['web', { memory: {} }, 'from 16m up'],
  ['web', { cpus: 0 }, 'cpus should be a number from 0.05'],
  ['web', { pids: '9' }, 'pids should be a number from 16'],
  ['clock', { pids: 20 }, 'shop has no process type "clock". It has web, worker, release, run.'],
])('refuse %s %j', (type, input, message) => expect(() => make().all.set(shop, user, type, input)).toThrow(message))
