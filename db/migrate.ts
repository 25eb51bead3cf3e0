import type { Database } from 'better-sqlite3'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** db/migrations of the checkout, whether this runs from source or bundled in dist/. */
function migrationsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'db', 'migrations')
    if (existsSync(candidate)) return candidate
    if (folder === dirname(folder)) throw new Error('The folder db/migrations is missing: install dozen again.')
  }
}

/**
 * Runs every db/migrations/NNNN_name.sql not yet recorded in `migrations`, in name order, all in one transaction; returns their names.
 * A file that has been released is never edited: write the next number. Throws when the database knows a name that is not on disk.
 */
export function migrate(db: Database, folder = migrationsFolder()): string[] {
  db.exec('CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY NOT NULL) STRICT')
  const done = new Set(db.prepare<[], string>('SELECT name FROM migrations').pluck().all())
  const files = readdirSync(folder)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
  const missing = [...done].filter((name) => !files.includes(name))
  if (missing.length > 0) {
    throw new Error(
      `The database is newer than this program: it has ${missing.join(', ')}. Start the newer dozen, or restore a backup.`,
    )
  }
  const pending = files.filter((file) => !done.has(file))
  const record = db.prepare('INSERT INTO migrations (name) VALUES (?)')
  db.transaction(() => {
    for (const file of pending) {
      db.exec(readFileSync(join(folder, file), 'utf8'))
      record.run(file)
    }
  }).immediate()
  return pending
}
