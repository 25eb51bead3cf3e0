import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { deploys } from '../deploys/deploys.ts'
import { AppError } from '../errors.ts'
import { systemIds as ids } from '../ids.ts'
import type { Release } from '../releases/release.ts'
import type { Built, BuildInput, Facts, Io } from './built.ts'
import { builds } from './builds.ts'

const built: Built = {
  image: 'sha256:1', imageKind: 'buildpack', port: null, processTypes: { web: 'x' }, stackImage: 'sha256:build', runImage: 'sha256:run', buildpacks: ['Node.js'],
  inputs: 'i', isReused: false, sizeBytes: 5, durations: { source: 1, build: 2, image: 3 },
} // prettier-ignore
const never = new AbortController().signal

/** Builds that end when the test says so. */
function world(atOnce = 2) {
  const begun: { input: BuildInput; end: (result: Built | Error) => void; fail: (facts: Facts) => void }[] = []
  const build = (input: BuildInput, { signal, log, onFailure }: Io) =>
    new Promise<Built>((resolve, reject) => {
      log('-----> begins')
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      begun.push({ input, fail: onFailure!, end: (result) => (result instanceof Error ? reject(result) : resolve(result)) })
    })
  const lines: string[] = []
  const logs = { publish: ({ text }: { text: string }) => void lines.push(text) }
  const clock = { now: () => new Date('2026-01-01T00:00:00Z'), sleep: () => new Promise<void>(() => {}) }
  const dropped: string[] = []
  const builder = { build, prepare: () => {}, clear: async () => {}, removeLeftovers: async () => {}, dropCache: async (appId: string) => void dropped.push(appId) } // prettier-ignore
  const made = builds({ db: shopDb(), clock, ids, logs, builder, atOnce, config: () => ({ KEY: 's3cret-value-1' }), isKnown: () => true }) // prettier-ignore
  const release = { version: 2, status: 'succeeded' } as Release
  const releases = { deploy: () => release, settled: async () => release, newest: () => release, current: () => release }
  const { deploy } = deploys({ logs, builds: made, releases: releases as never, url: () => 'http://shop.localhost' })
  const push = (commit: string) => deploy(shop, user, { tar: Readable.from([]), commit }, { signal: never, log: () => {} })
  return { made, begun, lines, push, dropped }
}

describe('builds as records', () => {
  let it_: ReturnType<typeof world>
  beforeEach(() => (it_ = world()))
  const records = () => it_.made.list(shop.id).map(({ number, status, commit }) => [number, status, commit])

  it('are there from the moment they wait, in the order of the pushes, and end one after the other', async () => {
    const pushes = [it_.push('a'), it_.push('b')]
    expect(records()).toEqual([[1, 'pending', 'a'], [2, 'pending', 'b']]) // prettier-ignore
    await expect.poll(() => it_.begun.length).toBe(1)
    it_.begun[0]!.end(built)
    await pushes[0]
    await expect.poll(() => it_.begun.length).toBe(2)
    it_.begun[1]!.fail({ stackImage: 'sha256:new', durations: { source: 4, build: 5 } })
    it_.begun[1]!.end(new AppError('build_failed', 'The build failed: no.'))
    await expect(pushes[1]).rejects.toThrow('The build failed: no.')
    expect(records()).toEqual([[1, 'succeeded', 'a'], [2, 'failed', 'b']]) // prettier-ignore
    const [first, second] = it_.made.list(shop.id)
    expect(first).toMatchObject({ stackImage: 'sha256:build', runImage: 'sha256:run', sizeBytes: 5, durations: { build: 2 } })
    expect(second!.reason).toBe('The build failed: no.')
    expect(second).toMatchObject({ stackImage: 'sha256:new', runImage: null, durations: { source: 4, build: 5 } })
    expect([it_.begun[0]!.input.lastStackImage, it_.begun[1]!.input.lastStackImage]).toEqual([undefined, 'sha256:build'])
    expect(it_.made.output(second!.id)).toEqual([
      '-----> Another deploy of this app is under way: waiting for it to end...',
      '-----> begins',
      ' !     The build failed: no.',
    ])
  })

  it('can be canceled while they wait and while they run, with the name of who did it', async () => {
    const pushes = [it_.push('a'), it_.push('b')]
    const [first, second] = it_.made.list(shop.id)
    expect(it_.made.cancel(second!.id, 'me@example.com')).toBe(true)
    await expect(pushes[1]).rejects.toThrow('The build was canceled by me@example.com.')
    await expect.poll(() => it_.begun.length).toBe(1)
    it_.made.cancel(first!.id, 'me@example.com')
    await expect(pushes[0]).rejects.toThrow('canceled by')
    expect(records()).toEqual([[1, 'canceled', 'a'], [2, 'canceled', 'b']]) // prettier-ignore
    expect([it_.made.cancel(first!.id, 'x'), it_.begun.length]).toEqual([false, 1])
  })

  it('have a cache that is emptied on demand, but not under one that uses it', async () => {
    const push = it_.push('a')
    await expect(it_.made.dropCache(shop, user)).rejects.toThrow('A build of shop uses the cache. Try again when it is through.')
    await expect.poll(() => it_.begun.length).toBe(1)
    it_.begun[0]!.end(built)
    await push
    await it_.made.dropCache(shop, user)
    expect(it_.dropped).toEqual([shop.id])
    expect(it_.lines.at(-1)).toBe(`Build cache emptied by user ${user.email}`)
  })

  it('show no value of a config var in why they failed', async () => {
    const push = it_.push('a')
    await expect.poll(() => it_.begun.length).toBe(1)
    it_.begun[0]!.end(new Error('exit code 1: curl -H s3cret-value-1'))
    await expect(push).rejects.toThrow('curl -H [redacted]')
    expect(JSON.stringify([it_.made.list(shop.id), it_.made.output(it_.made.list(shop.id)[0]!.id)])).not.toContain('s3cret')
  })

  it('of a dead controller are failed, with what to do', () => {
    void it_.push('a').catch(() => {})
    it_.made.failInterrupted()
    expect(it_.made.list(shop.id)[0]).toMatchObject({ status: 'failed', reason: expect.stringContaining('Push again') as string })
  })
})
