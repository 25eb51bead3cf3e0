import Database from 'better-sqlite3'
import { migrate } from './migrate.ts'

export type Db = Database.Database

/** Opens `file` (or ':memory:'), applies pending migrations and returns a ready handle. Throws a sentence when the file is not usable. */
export function openDb(file: string): Db {
  const db = new Database(file, { timeout: 5000 }) // milliseconds
  try {
    return prepared(db, file)
  } catch (cause) {
    db.close()
    throw sentenceOf(cause, file)
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'is no database',
  SQLITE_CORRUPT: 'is damaged',
  SQLITE_BUSY: 'is in use by another program: end that first',
  SQLITE_READONLY: 'may not be written',
  SQLITE_CANTOPEN: 'cannot be opened',
  SQLITE_IOERR: 'cannot be read',
  SQLITE_FULL: 'has no room on its disk: make some',
}

function sentenceOf(cause: unknown, file: string): unknown {
  const code = (cause as { code?: string }).code ?? ''
  const found = Object.keys(SENTENCES).find((one) => code.startsWith(one))
  if (!found) return cause
  const isUsable = found === 'SQLITE_BUSY' || found === 'SQLITE_FULL'
  return new Error(
    `The database ${file} ${SENTENCES[found]!}${isUsable ? '' : '. Restore it from a backup'}; the apps keep running.`,
    { cause },
  )
}

function prepared(db: Db, file: string): Db {
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL') // what was said to be done survives a power cut
  db.pragma('foreign_keys = ON') // off by default in SQLite, per connection
  const [{ quick_check: check } = { quick_check: 'nothing' }] = db.pragma('quick_check(1)') as { quick_check: string }[]
  if (check !== 'ok')
    throw new Error(`The database ${file} is damaged (${check}). Restore it from a backup; the apps keep running.`)
  migrate(db)
  return db
}
