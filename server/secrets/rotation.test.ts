import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import type { Db } from '../../db/open.ts'
import { checkKey, keyMark, rotation, SEALED, settle } from './rotation.ts'
import { keyFrom, vault, type KeyedVault } from './vault.ts'

let folder: string
let file: string
let db: Db
let box: KeyedVault
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-key-'))
  file = join(folder, 'secret.key')
  db = shopDb()
  const key = keyFrom(file, () => true)
  checkKey(db, key, file, false)
  box = vault(key)
  const hook = box.seal('{"secret":"s"}', 'webhook/w1')
  db.prepare(`INSERT INTO webhooks (id, app_id, url, include, level, sealed, created_at, updated_at) VALUES ('w1', ?, 'https://x', '[]', 'notify', ?, '', '')`).run(shop.id, hook)
  db.prepare(`INSERT INTO answers (account_id, key, fingerprint, status, sealed, created_at) VALUES (?, 'k', '', 200, ?, ''), (?, 'open', '', NULL, NULL, '')`).run(user.id, box.seal('answer', `answer ${user.id} k`), user.id)
}) // prettier-ignore
afterEach(() => {
  db.close()
  rmSync(folder, { recursive: true })
})
const sealed = () => db.prepare<[], Buffer>('SELECT sealed FROM webhooks').pluck().get()!
const keyOnDisk = () => keyFrom(file, () => false)

describe('a rotation of the key', () => {
  it('seals everything anew: the new key opens it, the old one does not', () => {
    const [old, before] = [vault(keyOnDisk()), sealed()]
    expect(rotation({ db, file, vault: box }).rotate()).toBe(2)
    expect(sealed().equals(before)).toBe(false)
    expect(box.open(sealed(), 'webhook/w1')).toBe('{"secret":"s"}')
    expect(vault(keyOnDisk()).open(sealed(), 'webhook/w1')).toBe('{"secret":"s"}')
    expect(() => old.open(sealed(), 'webhook/w1')).toThrow()
    expect([statSync(file).mode & 0o777, existsSync(`${file}.next`)]).toEqual([0o600, false])
  })
  it('that fails in the middle changes nothing', () => {
    const before = sealed()
    db.exec(`CREATE TRIGGER stop BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'no'); END`)
    expect(() => rotation({ db, file, vault: box }).rotate()).toThrow('no')
    expect(sealed().equals(before)).toBe(true)
    expect(vault(keyOnDisk()).open(sealed(), 'webhook/w1')).toBe('{"secret":"s"}')
    expect(existsSync(`${file}.next`)).toBe(false)
  })
  it('that is killed before the database changed leaves the old key', () => {
    const before = readFileSync(file, 'utf8')
    writeFileSync(`${file}.next`, randomBytes(32).toString('hex'))
    settle(db, file)
    expect([readFileSync(file, 'utf8'), existsSync(`${file}.next`)]).toEqual([before, false])
  })
  it('that is killed after the database changed ends with the new key', () => {
    const old = readFileSync(file, 'utf8')
    rotation({ db, file, vault: box }).rotate()
    const fresh = readFileSync(file, 'utf8')
    writeFileSync(`${file}.next`, fresh) // as it was before the rename
    writeFileSync(file, old)
    settle(db, file)
    checkKey(db, keyOnDisk(), file, false)
    expect(readFileSync(file, 'utf8')).toBe(fresh)
  })
  it('knows every sealed column there is', () => {
    const tables = db.prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all()
    const blobs = tables.flatMap((table) =>
      (db.pragma(`table_info(${table})`) as { name: string; type: string }[]).filter(({ type }) => type === 'BLOB').map(({ name }) => `${table}.${name}`),
    ) // prettier-ignore
    expect(SEALED.map(({ table, column }) => `${table}.${column}`).toSorted()).toEqual(blobs.toSorted())
  })
})

it('a key that is not the one of the database is refused at the start (ABUSE 91)', () => {
  expect(keyMark(db).get()).toMatch(/^[0-9a-f]{64}$/)
  expect(() => checkKey(db, randomBytes(32), file, false)).toThrow(/not the key of this database/)
})
