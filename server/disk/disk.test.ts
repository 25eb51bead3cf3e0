import { beforeEach, describe, expect, it } from 'vitest'
import type { Image } from '../engine/port.ts'
import { EngineError } from '../engine/port.ts'
import { pruning } from './disk.ts'
import { expendable } from './retention.ts'

const AT = Date.UTC(2026, 0, 1)
const image = (id: string, ageMs = 3_600_000, app = 'shop'): Image => ({
  id, tags: [], labels: { 'dozen.app': app, 'dozen.instance': 'i', 'dozen.role': 'image' }, createdAt: new Date(AT - ageMs), sizeBytes: 1,
  cmd: [], entrypoint: [], ports: [], workingDir: '', user: '',
}) // prettier-ignore
const ledger = (kept: string[], released: string[], busy: string[] = []) => ({
  kept: new Set(kept),
  released: new Set([...kept, ...released]),
  isBusy: (app: string) => busy.includes(app),
})
const ids = (images: Image[]) => images.map(({ id }) => id)

describe('what may go', () => {
  it('is what no release within reach has', () =>
    expect(ids(expendable([image('old'), image('kept')], ledger(['kept'], ['old']), AT))).toEqual(['old']))
  it('is what a build left that led to no release, but not what may be about to lead to one', () => {
    const images = [image('failed'), image('fresh', 1_000), image('of a deploy', 3_600_000, 'busy')]
    expect(ids(expendable(images, ledger([], [], ['busy']), AT))).toEqual(['failed'])
  })
})

describe('pruning', () => {
  let there: Image[]
  let kept: string[]
  let asked: Record<string, string>[]
  beforeEach(() => {
    there = [image('a'), image('b'), image('c')]
    kept = ['c']
    asked = []
  })
  const make = (removeImage: (id: string) => Promise<void>) =>
    pruning({
      engine: { images: async (labels) => (asked.push(labels), there), removeImage },
      clock: { now: () => new Date(AT), sleep: async () => {} },
      instance: 'i',
      keptImages: () => new Set(kept),
      releasedImages: () => new Set(['a', 'b', 'c']),
      isDeploying: () => false,
    })

  it('looks at nothing but images of this instance, and leaves one in use for later', async () => {
    const gone: string[] = []
    const removed = await make(async (id) => {
      if (id === 'a') throw new EngineError('other', 'conflict: unable to delete a: image is being used by running container')
      gone.push(id)
    }).prune()
    expect([removed, gone, asked]).toEqual([1, ['b'], [{ 'dozen.instance': 'i', 'dozen.role': 'image' }]])
  })
  it('spares an image that a rollback takes up in the meantime', async () => {
    const gone: string[] = []
    await make(async (id) => {
      gone.push(id)
      kept = ['b', 'c']
    }).prune()
    expect(gone).toEqual(['a'])
  })
  it('says when the engine is away', () =>
    expect(make(() => Promise.reject(new EngineError('unreachable', 'gone'))).prune()).rejects.toMatchObject({
      code: 'unreachable',
    }))
})
