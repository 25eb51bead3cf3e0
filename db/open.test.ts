import Database from 'better-sqlite3'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDb } from './open.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-db-'))
  file = join(folder, 'dozen.db')
  const db = openDb(file)
  db.exec(`INSERT INTO settings (key, value) VALUES ('instance', 'kept')`)
  db.close()
})
afterEach(() => rmSync(folder, { recursive: true }))

it.each([
  ['garbage', () => writeFileSync(file, Buffer.alloc(100_000, 7)), /no database|damaged/],
  ['cut in the middle of a page', () => truncateSync(file, 6000), /damaged/],
  ['overwritten in its middle', () => writeFileSync(file, Buffer.concat([readFileSync(file).subarray(0, 4096), Buffer.alloc(80_000, 9)])), /damaged/],
])('a file that is %s is refused with a sentence, and left as it is (ABUSE 91)', (_, harm, sentence) => {
  harm()
  const before = readFileSync(file)
  expect(() => openDb(file)).toThrow(sentence)
  expect(() => openDb(file)).toThrow(/backup; the apps keep running/)
  expect(readFileSync(file).equals(before)).toBe(true)
}) // prettier-ignore

it('a file of a newer dozen is refused, with what it has that this one has not (ABUSE 91)', () => {
  const db = new Database(file)
  db.exec(`INSERT INTO migrations (name) VALUES ('9999_future.sql')`)
  db.close()
  expect(() => openDb(file)).toThrow(/newer than this program: it has 9999_future\.sql/)
})

it('a file that another program holds for good is refused with a sentence (ABUSE 91)', () => {
  const other = new Database(file)
  other.pragma('locking_mode = EXCLUSIVE')
  other.exec('BEGIN EXCLUSIVE')
  expect(() => openDb(file)).toThrow(/in use by another program/)
  other.close()
}, 20_000)

it('a file whose journal was left behind by a kill has everything that was committed (ABUSE 91)', () => {
  const db = openDb(file)
  db.exec(`UPDATE settings SET value = 'committed' WHERE key = 'instance'`)
  const [copy, wal] = [readFileSync(file), readFileSync(`${file}-wal`)]
  db.close()
  writeFileSync(join(folder, 'killed.db'), copy)
  writeFileSync(join(folder, 'killed.db-wal'), wal)
  const again = openDb(join(folder, 'killed.db'))
  expect(again.prepare(`SELECT value FROM settings WHERE key = 'instance'`).pluck().get()).toBe('committed')
  again.close()
})
