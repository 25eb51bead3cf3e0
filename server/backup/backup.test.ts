import Database from 'better-sqlite3'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { openDb, type Db } from '../../db/open.ts'
import { isKeyOf, keyMark, nextOf } from '../secrets/rotation.ts'
import { backups } from './backup.ts'

const CANARY = 'canary-9b1d'
let base: string
let db: Db
const home = () => join(base, 'home')
const file = () => join(base, 'dozen.tar')
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'dozen-backup-'))
  for (const name of ['repos/a1.git/objects/ab', 'logs/a1', 'certs', 'router']) mkdirSync(join(home(), name), { recursive: true })
  writeFileSync(join(home(), 'repos/a1.git/HEAD'), 'ref: refs/heads/main')
  writeFileSync(join(home(), 'repos/a1.git/objects/ab/cd'), Buffer.alloc(3_000_000, 7))
  writeFileSync(join(home(), 'logs/a1/segment'), 'a line')
  writeFileSync(join(home(), 'secret.key'), CANARY, { mode: 0o600 })
  writeFileSync(join(home(), 'admin-token'), CANARY)
  writeFileSync(join(home(), 'certs/ca.key'), CANARY)
  db = openDb(join(home(), 'dozen.db'))
  db.exec(`INSERT INTO settings (key, value) VALUES ('instance', 'i')`)
}) // prettier-ignore
afterEach(() => {
  db.close()
  rmSync(base, { recursive: true })
})
const make = (engine = fakeEngine(), folder = home()) =>
  backups({ home: folder, engine, keys: { isKeyOf, nextOf }, say: () => {} })
async function engineWith(...labels: Record<string, string>[]) {
  const engine = fakeEngine()
  for (const one of labels) await engine.importImage(undefined as never, { labels: one, tag: `t${labels.indexOf(one)}` })
  return engine
}

describe('a backup (ABUSE 95)', () => {
  it('taken while the database is written holds one moment of it, and comes back elsewhere with its images', async () => {
    const engine = await engineWith(
      { 'dozen.instance': 'i', 'dozen.role': 'image' },
      { 'dozen.instance': 'j', 'dozen.role': 'image' },
    )
    let isOver = false
    const insert = db.prepare(`INSERT INTO settings (key, value) VALUES (?, 'x')`)
    const writing = (async () => {
      for (let n = 0; !isOver; n++) {
        db.transaction(() => [insert.run(`left ${n}`), insert.run(`right ${n}`)])()
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await make(engine).backup(file(), { images: true })
    isOver = true
    await writing
    const clean = fakeEngine()
    const fresh = join(base, 'fresh')
    mkdirSync(fresh)
    await make(clean, fresh).restore(file())
    const restored = new Database(join(fresh, 'dozen.db'))
    const count = (side: string) => restored.prepare(`SELECT count(*) FROM settings WHERE key LIKE '${side}%'`).pluck().get()
    expect(restored.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(count('left')).toBe(count('right'))
    restored.close()
    expect(readFileSync(join(fresh, 'repos/a1.git/objects/ab/cd')).equals(Buffer.alloc(3_000_000, 7))).toBe(true)
    expect(readFileSync(join(fresh, 'secret.key'), 'utf8')).toBe(CANARY)
    expect((await clean.images({ 'dozen.instance': 'i' })).length).toBe(1)
    expect((await clean.images({ 'dozen.instance': 'j' })).length).toBe(0)
  })
  it("gives no secret away without the keys beside it, and is its owner's alone", async () => {
    await make().backup(file(), { images: false })
    expect(readFileSync(file()).includes(CANARY)).toBe(false)
    expect(readFileSync(`${file()}.keys`).includes(CANARY)).toBe(true)
    expect([file(), `${file()}.keys`].map((one) => statSync(one).mode & 0o777)).toEqual([0o600, 0o600])
    expect(readdirSync(base).toSorted()).toEqual(['dozen.tar', 'dozen.tar.keys', 'home'])
  })
  it('is not written over another, nor restored over a dozen, nor without its keys', async () => {
    await make().backup(file(), { images: false })
    await expect(make().backup(file(), { images: false })).rejects.toThrow(/there already/)
    await expect(make().restore(file())).rejects.toThrow(/holds .*already/)
    const fresh = join(base, 'fresh')
    mkdirSync(fresh)
    rmSync(`${file()}.keys`)
    await expect(make(fakeEngine(), fresh).restore(file())).rejects.toThrow(/two files/)
    expect(readdirSync(fresh)).toEqual([])
  })
  it('that is cut short is refused, and leaves nothing', async () => {
    await make().backup(file(), { images: false })
    writeFileSync(file(), readFileSync(file()).subarray(0, 1_000_000))
    const fresh = join(base, 'fresh')
    mkdirSync(fresh)
    await expect(make(fakeEngine(), fresh).restore(file())).rejects.toThrow()
    expect(readdirSync(fresh)).toEqual([])
  })
  it('has the key that its database is sealed with, also while that is being replaced, or is not made', async () => {
    const keyFile = join(home(), 'secret.key')
    const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const keyIn = async (where: string) => {
      mkdirSync(join(base, where))
      await make(fakeEngine(), join(base, where)).restore(file())
      rmSync(file())
      rmSync(`${file()}.keys`)
      return readFileSync(join(base, where, 'secret.key'), 'utf8')
    }
    writeFileSync(keyFile, old.toString('hex'))
    keyMark(db).set(next) // the moment between the database's change and that of the file
    writeFileSync(`${keyFile}.next`, next.toString('hex'))
    await make().backup(file(), { images: false })
    expect(await keyIn('within')).toBe(next.toString('hex'))
    rmSync(`${keyFile}.next`)
    await expect(make().backup(file(), { images: false })).rejects.toThrow(/does not open the database/)
    expect(readdirSync(base).filter((name) => name.startsWith('dozen.tar'))).toEqual([])
  })
  it('leaves none of its images on the engine when it cannot be restored, and takes none that was there before', async () => {
    const labels = { 'dozen.instance': 'i', 'dozen.role': 'image' }
    await make(await engineWith(labels, { ...labels, other: 'x' })).backup(file(), { images: true })
    const clean = await engineWith(labels)
    const fresh = join(base, 'fresh')
    mkdirSync(fresh)
    const failing = { ...clean, loadImages: (tar: Parameters<typeof clean.loadImages>[0]) => clean.loadImages(tar).then(() => Promise.reject(new Error('cut'))) } // prettier-ignore
    await expect(make(failing as typeof clean, fresh).restore(file())).rejects.toThrow('cut')
    expect((await clean.images(labels)).map(({ tags }) => tags)).toEqual([['t0']])
  })
  it('is restored after a restore that was killed half-way', async () => {
    await make().backup(file(), { images: false })
    const fresh = join(base, 'fresh')
    mkdirSync(join(fresh, '.restore'), { recursive: true })
    writeFileSync(join(fresh, '.restore/secret.key'), 'half')
    await make(fakeEngine(), fresh).restore(file())
    expect(readdirSync(fresh).toSorted()).toEqual(['certs', 'dozen.db', 'logs', 'repos', 'secret.key'])
    expect(readFileSync(join(fresh, 'secret.key'), 'utf8')).toBe(CANARY)
  })
})
