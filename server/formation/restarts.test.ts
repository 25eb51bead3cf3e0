import { beforeEach, describe, expect, it } from 'vitest'
import type { Have, Slot } from './plan.ts'
import { restarts } from './restarts.ts'

const cost = { served: 9, failed: 0, longestWaitMs: 4, drained: 1, cut: 0 }
const slot = (generation: number, more: Partial<Slot> = {}): Slot => ({
  type: 'web',
  ordinal: 1,
  generation,
  stopped: false,
  ...more,
})
const have = (id: string, generation: number, state: Have['state'], more: Partial<Have> = {}): Have => ({
  id, type: 'web', ordinal: 1, version: 2, generation, crashes: 0, state, startedAt: 0, deadline: 0, retiring: false, ...more,
}) // prettier-ignore

describe('a restart that somebody waits for', () => {
  let windows: string[]
  let drained: Set<string>
  const make = () =>
    restarts({
      openWindow: async (id) => void windows.push(`open ${id}`),
      closeWindow: async (id) => (windows.push(`close ${id}`), cost),
      lastLines: async ({ id }) => [`${id} said this`],
    })
  const look = async (all: ReturnType<typeof make>, haves: Have[], slots = [slot(3)]) => {
    all.look({ appId: 'a1', slots, haves, isDrained: (id) => drained.has(id) })
    await new Promise((resolve) => setImmediate(resolve))
  }
  beforeEach(() => {
    windows = []
    drained = new Set()
  })

  it('is through when the new process is up and the old one drained, and tells what it cost', async () => {
    const all = make()
    all.begin('a1', 3)
    await look(all, [have('old', 0, 'up'), have('new', 3, 'starting')])
    await look(all, [have('old', 0, 'up', { retiring: true }), have('new', 3, 'up')])
    expect(all.find('a1', 3).status).toBe('pending')
    drained.add('old')
    await look(all, [have('old', 0, 'up', { retiring: true }), have('new', 3, 'up')])
    expect(all.find('a1', 3)).toEqual({ number: 3, status: 'succeeded', reason: null, cost, failure: null })
    expect(windows).toEqual(['open restart-3-a1', 'close restart-3-a1'])
  })

  it('fails with the reason and the last lines when the new process does not stay up', async () => {
    const all = make()
    all.begin('a1', 3)
    await look(all, [have('old', 0, 'up'), have('new', 3, 'dead', { exit: { code: 7, at: 0, oomKilled: false } })])
    expect(all.find('a1', 3)).toMatchObject({
      status: 'failed', reason: 'web.1 exited with status 7.', failure: { dyno: 'web.1', lines: ['new said this'] },
    }) // prettier-ignore
  })

  it('says why a process was killed rather than how it ended', async () => {
    const all = make()
    all.begin('a1', 3)
    all.killed({ id: 'new' }, 'did not bind $PORT')
    await look(all, [have('new', 3, 'dead', { exit: { code: 137, at: 0, oomKilled: false } })])
    expect(all.find('a1', 3).reason).toBe('web.1 did not bind $PORT.')
  })

  it('does not wait for what it does not cover, or what was stopped since', async () => {
    const all = make()
    all.begin('a1', 3)
    await look(all, [have('w', 0, 'starting', { type: 'worker' })], [slot(0, { type: 'worker' }), slot(3, { stopped: true })])
    expect(all.find('a1', 3).status).toBe('succeeded')
  })

  it('of an earlier life of the controller ends too, without a cost', async () => {
    const all = restarts({ openWindow: async () => {}, closeWindow: async () => undefined, lastLines: async () => [] })
    expect(all.find('a1', 3).status).toBe('pending')
    await look(all, [have('new', 3, 'up')])
    expect(all.find('a1', 3)).toMatchObject({ status: 'succeeded', cost: null })
  })
})
