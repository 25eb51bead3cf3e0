import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { App } from '../apps/app.ts'
import { diskUsage } from './usage.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-disk-'))
  mkdirSync(join(folder, 'repos/a1.git'), { recursive: true })
  mkdirSync(join(folder, 'logs/a1'), { recursive: true })
  writeFileSync(join(folder, 'repos/a1.git/pack'), 'x'.repeat(300))
  writeFileSync(join(folder, 'logs/a1/segment'), 'x'.repeat(20))
  writeFileSync(join(folder, 'dozen.db'), 'x'.repeat(7))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('says who uses what, by label, and counts nothing of others', async () => {
  const ours = { 'dozen.instance': 'i', 'dozen.app': 'a1' }
  const usage = diskUsage({
    engine: {
      usage: async () => ({
        images: [{ id: 'kept', labels: ours, bytes: 1000, sharedBytes: 70 }, { id: 'old', labels: ours, bytes: 500, sharedBytes: 70 }, { id: 'other', labels: { ...ours, 'dozen.instance': 'j' }, bytes: 9, sharedBytes: 70 }, { id: 's', labels: { 'dozen.role': 'stack' }, bytes: 4, sharedBytes: 60 }, { id: 't', labels: { 'dozen.role': 'stack' }, bytes: 6, sharedBytes: 70 }],
        containers: [{ id: 'c', labels: ours, writable: 30 }, { id: 'b', labels: { 'dozen.instance': 'i', 'dozen.build-of': 'a1' }, writable: 1 }, { id: 'u', labels: {}, writable: 9 }],
        volumes: [{ name: 'v', labels: ours, bytes: 200 }],
        buildCache: 50,
      }),
    },
    instance: 'i',
    apps: () => [{ id: 'a1', name: 'shop' } as App],
    reposFolder: join(folder, 'repos'),
    logsFolder: join(folder, 'logs'),
    database: join(folder, 'dozen.db'),
    isKept: (id) => id === 'kept',
    reserveBytes: 5,
  }) // prettier-ignore
  const { items, free, reserve } = await usage()
  const parts = { images: 1500, cache: 200, dynos: 31, repository: 300, logs: 20 }
  expect(items[0]).toEqual({ name: 'shop', parts, bytes: 2051, reclaimable: 500 })
  expect(items.slice(1).map(({ bytes }) => bytes)).toEqual([80, 7, 50])
  expect([free > 0, reserve]).toEqual([true, 5])
})
