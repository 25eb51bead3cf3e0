import { beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import type { App } from '../apps/app.ts'
import type { Usage } from '../engine/port.ts'
import { trim } from './trim.ts'

const GiB = 1024 ** 3
const ours = (more: object) => ({ 'dozen.instance': 'i', 'dozen.app': 'a1', ...more })
let clock: ReturnType<typeof fakeClock>
let usage: Usage
let did: string[]
let free: number
let busy: boolean
beforeEach(() => {
  clock = fakeClock(1e12)
  did = []
  free = 10 * GiB
  busy = false
  usage = {
    images: [], buildCache: 0,
    volumes: [{ name: 'large', labels: ours({ 'dozen.role': 'cache' }), bytes: 3 * GiB }, { name: 'small', labels: ours({ 'dozen.role': 'cache' }), bytes: GiB }, { name: 'mine', labels: {}, bytes: 9 * GiB }, { name: 'data', labels: ours({ 'dozen.role': 'data' }), bytes: 9 * GiB }],
    containers: [{ id: 'user', labels: {}, writable: 90 * GiB }, { id: 'filler', labels: ours({ 'dozen.type': 'web', 'dozen.ordinal': '2' }), writable: 5 * GiB }, { id: 'modest', labels: ours({ 'dozen.type': 'worker' }), writable: GiB }],
  } // prettier-ignore
})
const make = (buildKitBytes?: number) =>
  trim({
    engine: { usage: async () => usage, removeVolume: async (name) => void did.push(`remove ${name}`), pruneBuildCache: async (bytes) => void did.push(`BuildKit ${bytes / GiB}`), kill: async (id) => void did.push(`kill ${id}`) },
    clock, instance: 'i', apps: () => [{ id: 'a1' } as App], isDeploying: () => busy, packRepository: async (id) => void did.push(`pack ${id}`),
    logs: { publish: ({ text, dyno }) => void did.push(`${dyno}: ${text}`) }, freeBytes: async () => free, limits: { cacheBytes: 2 * GiB, reserveBytes: GiB, buildKitBytes },
  }) // prettier-ignore

describe('what grows', () => {
  it('is cut back: caches above their limit, by label, and repositories; not more than every ten minutes', async () => {
    const one = make()
    await one.caps()
    expect(did).toEqual([])
    await clock.advance(600_000)
    await one.caps()
    await one.caps()
    expect(did).toEqual([
      'remove large',
      'build: The build cache had 3072 MiB, more than 2048 MiB (DOZEN_CACHE_LIMIT), and was emptied',
      'pack a1',
    ])
    await clock.advance(600_000)
    await one.caps()
    expect(did.filter((what) => what === 'pack a1')).toHaveLength(2)
  })
  it.each([
    [undefined, 9, []],
    [5 * GiB, 4, []],
    [5 * GiB, 6, ['BuildKit 5']],
  ])(
    'in BuildKit, where everybody’s cache lies, is cut back only by a setting of its own: with %s at %s GiB',
    async (limit, there, done) => {
      usage = { ...usage, volumes: [], buildCache: there * GiB }
      const one = make(limit)
      await clock.advance(600_000)
      await one.caps()
      expect(did.filter((what) => what !== 'pack a1')).toEqual(done)
    },
  )
  it('is left alone while its app is being deployed', async () => {
    busy = true
    const one = make()
    await clock.advance(600_000)
    await one.caps()
    expect(did).toEqual([])
  })
})

describe('a disk that runs full (ABUSE 82, 89)', () => {
  it('costs the dyno that filled it its process, with a line that says why, and nobody else', async () => {
    free = GiB / 2
    await make().guard()
    expect(did).toEqual([
      'web.2: Stopping process: less than 1024 MiB are free on the disk (DOZEN_DISK_RESERVE), and this dyno has written 5120 MiB',
      'kill filler',
    ])
  })
  it('by others costs no dyno', async () => {
    free = GiB / 2
    usage = { ...usage, containers: usage.containers.map((one) => (one.id === 'user' ? one : { ...one, writable: 1000 })) }
    await make().guard()
    expect(did).toEqual([])
  })
  it('is not looked into while there is room', async () => {
    usage = undefined as never
    await make().guard()
    expect(did).toEqual([])
  })
})
