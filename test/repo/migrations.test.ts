import Database from 'better-sqlite3'
import { cpSync, mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../../db/migrate.ts'
import { ROOT } from '../support/programs.ts'

const FOLDER = join(ROOT, 'db/migrations')
const files = readdirSync(FOLDER).sort()

describe('the migrations', () => {
  let folder: string
  let db: Database.Database

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dozen-migrations-'))
    cpSync(FOLDER, folder, { recursive: true })
    db = new Database(':memory:')
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('have a number and a name each of their own', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(new Set(files.map((file) => file.slice(0, 4))).size).toBe(files.length)
    for (const file of files) expect(file).toMatch(/^\d{4}_[a-z0-9]+(_[a-z0-9]+)*\.sql$/)
  })

  it('make a whole database out of an empty one, every table strict', () => {
    db.pragma('foreign_keys = ON')
    expect(migrate(db, folder)).toEqual(files)
    expect(db.pragma('foreign_key_check')).toEqual([])
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    const tables = db.pragma('table_list') as { schema: string; name: string; type: string; strict: number }[]
    const loose = tables.filter(
      ({ schema, name, type, strict }) => schema === 'main' && type === 'table' && !strict && !name.startsWith('sqlite_'),
    )
    expect(loose.map(({ name }) => name)).toEqual([])
  })

  it('do nothing the second time', () => {
    migrate(db, folder)
    const before = db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all()
    expect(migrate(db, folder)).toEqual([])
    expect(db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name').all()).toEqual(before)
  })

  it('are all or nothing: after one that fails, none of the new ones is there', () => {
    migrate(db, folder)
    writeFileSync(join(folder, '9998_fine.sql'), 'CREATE TABLE fine (id INTEGER PRIMARY KEY) STRICT;')
    writeFileSync(join(folder, '9999_broken.sql'), 'CREATE TABEL broken (id INTEGER);')
    expect(() => migrate(db, folder)).toThrow(/TABEL/)
    expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'fine'").pluck().get()).toBe(0)
    unlinkSync(join(folder, '9999_broken.sql'))
    expect(migrate(db, folder)).toEqual(['9998_fine.sql'])
  })

  it('refuse a database of a newer program, naming what is missing, and change nothing', () => {
    migrate(db, folder)
    db.prepare("INSERT INTO migrations (name) VALUES ('9999_future.sql')").run()
    writeFileSync(join(folder, '9998_late.sql'), 'CREATE TABLE late (id INTEGER PRIMARY KEY) STRICT;')
    expect(() => migrate(db, folder)).toThrow(/9999_future\.sql/)
    expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'late'").pluck().get()).toBe(0)
  })
})
