import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDb, type Db } from '../../db/open.ts'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop } from '../../test/support/memory.ts'
import type { Account } from '../accounts/account.ts'
import type { Dyno } from '../formation/formation.ts'
import { doctor } from './doctor.ts'
import { troubles } from './troubles.ts'

const admin = { id: 'u1', email: 'a@b', admin: true } as Account
const dyno = (state: Dyno['state'], reason: string | null): Dyno => ({
  id: 'd', name: 'web.1', type: 'web', command: '', state, reason, release: { id: 'r', version: 4 }, createdAt: new Date(0), updatedAt: new Date(0),
}) // prettier-ignore

describe('the doctor', () => {
  let folder: string
  let db: Db
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dozen-doctor-'))
    db = openDb(join(folder, 'dozen.db'))
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const wall = fakeClock(0)
  const make = (more: Partial<Parameters<typeof doctor>[0]> = {}) =>
    doctor({
      db, engine: { ping: async () => ({ version: '20.10' }) }, socket: '/engine.sock', home: folder, wall, steady: wall,
      router: { status: async () => ({ version: 7 }) }, acknowledged: () => 7, apps: () => [shop], dynos: async () => [dyno('up', null)],
      troubles: troubles({ clock: wall }), ...more,
    }) // prettier-ignore
  const ill = async (more: Partial<Parameters<typeof doctor>[0]>, account = admin) =>
    (await make(more).findings(account)).filter(({ ok }) => !ok).map(({ check, app, found }) => ({ check, app, found }))

  it('finds nothing wrong where nothing is', async () => {
    const found = await make().findings(admin)
    expect(found.map(({ check, ok }) => [check, ok])).toEqual(
      ['engine', 'router', 'database', 'disk', 'clock', 'apps'].map((check) => [check, true]),
    )
  })

  it('tells of an engine that refuses or says nothing, and not of each app then', async () => {
    const refuses = await ill({ engine: { ping: () => Promise.reject(new Error('connect ENOENT')) } })
    expect(refuses).toEqual([{ check: 'engine', app: null, found: 'The container engine at /engine.sock does not answer: connect ENOENT' }]) // prettier-ignore
    const clock = fakeClock()
    const hanging = ill({ engine: { ping: () => new Promise(() => {}) }, steady: clock, wall: clock })
    await clock.advance(3_000)
    expect((await hanging)[0]!.found).toContain('no answer in 3 s')
  })

  it('tells of a fence that the kernel does not keep (ABUSE 81)', async () => {
    expect(await ill({ fence: { isUp: () => true } })).toEqual([])
    expect(await ill({ fence: { isUp: () => false } })).toMatchObject([{ check: 'fence' }])
  })

  it('tells of a router without the newest table, or none', async () => {
    expect(await ill({ acknowledged: () => 8 })).toMatchObject([{ check: 'router', found: 'serves table 7, not 8' }])
    expect(await ill({ router: { status: () => Promise.reject(new Error('gone')) } })).toMatchObject([
      { found: 'does not answer: gone' },
    ])
  })

  it('tells of a database that somebody else has locked', async () => {
    const other = new Database(join(folder, 'dozen.db'))
    other.exec('BEGIN IMMEDIATE')
    expect(await ill({})).toMatchObject([{ check: 'database', found: 'cannot be written: database is locked' }])
    other.close()
    expect(await ill({})).toEqual([])
  })

  it('tells of a clock that was moved', async () => {
    expect(await ill({ wall: fakeClock(3_600_000) })).toMatchObject([
      { check: 'clock', found: 'was moved by +3600 s since dozen started' },
    ])
  })

  it('tells of processes that are down, with the app, and to others than admins of these only', async () => {
    const more = { dynos: async () => [dyno('crashed', 'could not be started: the image of v4 is gone')], acknowledged: () => 8 }
    const web = { check: 'app', app: 'shop', found: 'web.1 of v4 could not be started: the image of v4 is gone' }
    expect(await ill(more, { ...admin, admin: false })).toEqual([web])
    expect(await ill(more)).toContainEqual(web)
  })

  it('tells what fails in the background, until it has not failed for a minute', async () => {
    const clock = fakeClock()
    const known = troubles({ clock })
    known.note('pruning images', new Error('no space left on device'))
    expect(await ill({ troubles: known })).toMatchObject([{ check: 'trouble', found: 'pruning images: no space left on device' }])
    await clock.advance(60_000)
    expect(await ill({ troubles: known })).toEqual([])
  })
})
