import { beforeEach, describe, expect, it } from 'vitest'
import { randomBytes } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import { shop as app, shopDb, user } from '../../test/support/memory.ts'
import { configVars } from '../config-vars/config-vars.ts'
import { systemIds } from '../ids.ts'
import { vault } from '../secrets/vault.ts'
import type { ImageSource } from './release.ts'
import { releases } from './releases.ts'

const built = (image: string, processTypes: Record<string, string> = { web: 'node .' }): ImageSource => ({
  image, imageKind: 'buildpack', port: null, processTypes, buildId: null, commit: 'abcdef0123',
}) // prettier-ignore

let db: Db
let images: Set<string>
let lines: string[]
let now: number
let wakes: number
beforeEach(() => {
  db = shopDb()
  images = new Set(['i1', 'i2', 'i3'])
  lines = []
  now = 0
  wakes = 0
})
const make = () =>
  releases({
    db,
    clock: { now: () => new Date((now += 1000)), sleep: async () => {} },
    ids: systemIds,
    vault: vault(randomBytes(32)),
    logs: { publish: ({ source, dyno, text }) => lines.push(`${source}[${dyno}]: ${text}`) },
    hasImage: async (image) => images.has(image),
    lastLines: async (_app, version, dyno) => [`last words of ${dyno} of v${version}`, 'x'.repeat(5000)],
    keep: 3,
    wake: () => {
      expect(db.inTransaction).toBe(false)
      wakes++
    },
  })
const ledger = () => {
  const r = make()
  r.initial('a1', user)
  return { r, config: configVars({ releases: r }) }
}

describe('the ledger', () => {
  it('numbers releases per app and tells the reconciler after the commit', () => {
    const { r } = ledger()
    expect(r.deploy('a1', user, built('i1'), 'Deploy abcdef01')).toMatchObject({
      version: 2,
      status: 'pending',
      stage: 'rollout',
    })
    expect(wakes).toBe(1)
    expect(lines).toContain('app[api]: Release v2 created by user dev@example.com')
  })
  it('runs the release phase first when the Procfile has one', () =>
    expect(ledger().r.deploy('a1', user, built('i1', { web: 'x', release: 'migrate' }), 'd')).toMatchObject({
      stage: 'release_phase',
    }))
  it('refuses to change a release', () => {
    ledger().r.deploy('a1', user, built('i1'), 'd')
    expect(() => db.exec(`UPDATE releases SET image = 'x'`)).toThrow(/immutable/)
  })
  it('refuses to change how a settled release ended', () => {
    const { r } = ledger()
    r.settle(r.deploy('a1', user, built('i1'), 'd'), 'failed', { reason: 'no' })
    expect(() => db.exec(`UPDATE release_states SET status = 'succeeded' WHERE version = 2`)).toThrow(/settled/)
  })
  it('rolls back image and config by appending a copy', async () => {
    const { r, config } = ledger()
    config.update(app, user, { A: 'old' })
    r.settle(r.deploy('a1', user, built('i1'), 'd'), 'succeeded')
    r.settle(config.update(app, user, { A: 'new' }), 'succeeded')
    r.settle(r.deploy('a1', user, built('i2'), 'd'), 'succeeded')
    const back = await r.rollback('a1', user, 3)
    expect(back).toMatchObject({ version: 6, source: { image: 'i1' }, description: 'Rollback to v3' })
    expect(r.config('a1', 6)).toEqual({ A: 'old' })
  })
  it('goes back to the newest succeeded release whose image is still there when none is named', async () => {
    const { r } = ledger()
    for (const image of ['i1', 'i2', 'i3']) r.settle(r.deploy('a1', user, built(image), 'd'), 'succeeded')
    images.delete('i2')
    expect(await r.rollback('a1', user, undefined)).toMatchObject({ description: 'Rollback to v2', source: { image: 'i1' } })
  })
  it.each([
    ['an unknown release', 9, 'not_found'],
    ['the current one', 3, 'conflict'],
    ['one that failed', 4, 'invalid_params'],
    ['one without an image', 1, 'invalid_params'],
  ])('refuses to roll back to %s', async (_title, version, code) => {
    const { r } = ledger()
    r.settle(r.deploy('a1', user, built('i1'), 'd'), 'succeeded')
    r.settle(r.deploy('a1', user, built('i2'), 'd'), 'succeeded')
    r.settle(r.deploy('a1', user, built('i3'), 'd'), 'failed', { reason: 'no' })
    await expect(r.rollback('a1', user, version)).rejects.toMatchObject({ code })
    expect(r.list('a1').length).toBe(4)
  })
  it('says that the image of a release is gone', async () => {
    const { r } = ledger()
    r.settle(r.deploy('a1', user, built('i1'), 'd'), 'succeeded')
    r.settle(r.deploy('a1', user, built('i2'), 'd'), 'succeeded')
    images.delete('i1')
    await expect(r.rollback('a1', user, 2)).rejects.toThrow(/image of v2 is gone/)
  })
  it('does not roll back a broken release that somebody has replaced already', () => {
    const { r } = ledger()
    const good = r.deploy('a1', user, built('i1'), 'd')
    r.settle(good, 'succeeded')
    const broken = r.deploy('a1', user, built('i2'), 'd')
    r.settle(broken, 'succeeded')
    r.deploy('a1', user, built('i3'), 'fix')
    expect(r.revert(broken, good, 'crashed')).toBeUndefined()
  })
  it('keeps the config out of the database file in the clear', () => {
    const { config } = ledger()
    config.update(app, user, { SECRET: 'canary-4711' })
    const rows = db.prepare('SELECT * FROM release_configs').all() as { sealed: Buffer }[]
    expect(rows.some((row) => row.sealed.includes('canary-4711'))).toBe(false)
    expect(JSON.stringify(db.prepare('SELECT * FROM releases').all())).not.toContain('canary')
  })
  it('tells who waits how a release ended', async () => {
    const { r } = ledger()
    const release = r.deploy('a1', user, built('i1'), 'd')
    const waiting = r.settled('a1', release.version, new AbortController().signal)
    r.settle(release, 'failed', { reason: 'web.1 exited with status 1.' })
    expect(await waiting).toMatchObject({ status: 'failed', reason: 'web.1 exited with status 1.' })
  })
})

describe('config vars', () => {
  it('make a release each, named after what changed', () => {
    const { config } = ledger()
    expect(config.update(app, user, { A: '1', B: '2' })).toMatchObject({
      version: 2,
      description: 'Set A, B config vars',
      status: 'succeeded',
    })
    expect(config.update(app, user, { A: null })).toMatchObject({ version: 3, description: 'Remove A config vars' })
    expect(config.update(app, user, { A: '1', B: null })).toMatchObject({
      version: 4,
      description: 'Set A and remove B config vars',
    })
    expect(config.current('a1')).toEqual({ A: '1' })
    expect(config.ofRelease('a1', 2)).toEqual({ A: '1', B: '2' })
  })
  it('make no release when nothing changes', () => {
    const { config, r } = ledger()
    config.update(app, user, { A: '1' })
    config.update(app, user, { A: '1', GONE: null })
    expect(r.list('a1').length).toBe(2)
  })
  it('keep every byte', () => {
    const { config } = ledger()
    const value = `Hello\n 'world' "x" $X \`id\` \\ = \u0001 🚀 -v ${'${jndi:x}'}`
    config.update(app, user, { V: value })
    expect(config.current('a1')['V']).toBe(value)
  })
  it('are undone as a whole when their release fails', () => {
    const { config, r } = ledger()
    r.settle(r.deploy('a1', user, built('i1'), 'd'), 'succeeded')
    r.settle(config.update(app, user, { BAD: '1' }), 'failed', { reason: 'crashed' })
    expect(config.current('a1')).toEqual({})
  })
  it('carry over to the next deploy', () => {
    const { config, r } = ledger()
    config.update(app, user, { A: '1' })
    expect(r.config('a1', r.deploy('a1', user, built('i1'), 'd').version)).toEqual({ A: '1' })
  })
  it.each([
    ['a name with =', { 'A=B': '1' }],
    ['a name with a newline', { 'A\nB': '1' }],
    ['a name with a digit first', { '1A': '1' }],
    ['an empty name', { '': '1' }],
    ['a name of the platform', { DOZEN_X: '1' }],
    ["a name of Heroku's", { HEROKU_X: '1' }],
    ['a NUL', { A: 'a\0b' }],
    ['a number', { A: 1 }],
    ['a lone surrogate', { A: '\ud800' }],
    ['more than 64 KiB', { A: 'x'.repeat(65_536) }],
  ])('refuse %s', (_title, changes) => {
    const { config, r } = ledger()
    expect(() => config.update(app, user, changes)).toThrowError(expect.objectContaining({ code: 'invalid_params' }))
    expect(r.list('a1').length).toBe(1)
  })

  it('sets the config vars that a build asks for only where there are none', () => {
    const { r, config } = ledger()
    config.update(app, user, { MINE: 'mine' })
    r.deploy('a1', user, built('i1'), 'Deploy', { MINE: 'theirs', LANG: 'C' })
    expect(r.currentConfig('a1')).toEqual({ MINE: 'mine', LANG: 'C' })
  })
  it('keeps what the process that failed a release wrote last, and fails it once', async () => {
    const { r } = ledger()
    const broken = r.deploy('a1', user, built('i1'), 'one')
    await r.fail(broken, 'web.1', 'web.1 exited with status 1.')
    await r.fail(broken, 'web.2', 'web.2 exited with status 2.')
    expect(r.findVersion('a1', 2)).toMatchObject({ status: 'failed', reason: 'web.1 exited with status 1.' })
    expect(r.failure('a1', 2)).toEqual({ dyno: 'web.1', lines: ['last words of web.1 of v2', 'x'.repeat(2000)] })
    expect(r.failure('a1', 1)).toBeUndefined()
  })
  it('needs every image of a release: they are kept together, and without one of them there is no way back', async () => {
    const { r } = ledger()
    const both = { ...built('i1'), images: { worker: { image: 'i2', port: null } } }
    const two = r.deploy('a1', user, both, 'two')
    r.settle(two, 'succeeded')
    expect(r.findVersion('a1', 2)!.source!.images).toEqual(both.images)
    expect([[...r.keptImages()].sort(), [...r.releasedImages()].sort()]).toEqual([['i1', 'i2'], ['i1', 'i2']]) // prettier-ignore
    r.settle(r.deploy('a1', user, built('i3'), 'three'), 'succeeded')
    expect(r.eligibleForRollback(r.findVersion('a1', 2)!)).toBe(true)
    images.delete('i2')
    await expect(r.rollback('a1', user, 2)).rejects.toThrow('The image of v2 is gone')
  })

  it('keeps the images of the newest releases that ran and of those to come, each app for itself', () => {
    const { r, config } = ledger()
    const run = (image: string, status: 'succeeded' | 'failed' = 'succeeded') =>
      r.settle(r.deploy('a1', user, built(image), 'Deploy'), status, { reason: 'x' })
    run('i1')
    run('i2')
    run('bad', 'failed')
    run('i3')
    expect([...r.keptImages()].sort()).toEqual(['i1', 'i2', 'i3'])
    r.settle(config.update(app, user, { A: '1' }), 'succeeded')
    expect([...r.keptImages()].sort()).toEqual(['i2', 'i3']) // i3 twice, i2
    r.deploy('a1', user, built('i4'), 'Deploy')
    expect([...r.keptImages()].sort()).toEqual(['i2', 'i3', 'i4'])
    expect(
      r
        .list('a1')
        .filter(r.eligibleForRollback)
        .map(({ version }) => version),
    ).toEqual([3, 5, 6])
    expect([...r.releasedImages()].sort()).toEqual(['bad', 'i1', 'i2', 'i3', 'i4'])
  })
})
