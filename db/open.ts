import Database from 'better-sqlite3'
import { migrate } from './migrate.ts'

export type Db = Database.Database

/** Opens `file` (or ':memory:'), applies pending migrations and returns a ready handle. Throws a sentence when the file is not usable. */
export function openDb(file: string): Db {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL') // what was said to be done survives a power cut
  db.pragma('foreign_keys = ON') // off by default in SQLite, per connection
  db.pragma('busy_timeout = 5000') // milliseconds
  const [{ quick_check: check } = { quick_check: 'nothing' }] = db.pragma('quick_check(1)') as { quick_check: string }[]
  if (check !== 'ok')
    throw new Error(`The database ${file} is damaged (${check}). Restore it from a backup; the apps keep running.`)
  migrate(db)
  return db
}
