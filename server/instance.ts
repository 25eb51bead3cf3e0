import type { Db } from '../db/open.ts'
import type { Ids } from './ids.ts'

/** Nothing has been kept yet that the key must open. */
export const isEmpty = (db: Db) => db.prepare<[], number>('SELECT count(*) FROM release_configs').pluck().get() === 0

/** The label value that marks what is ours: made once, kept with the data. */
export function instanceOf(db: Db, ids: Ids): string {
  const read = db.prepare<[], string>(`SELECT value FROM settings WHERE key = 'instance'`).pluck()
  const found = read.get()
  if (found) return found
  db.prepare(`INSERT INTO settings (key, value) VALUES ('instance', ?)`).run(`d${ids.secret().slice(0, 8)}`)
  return read.get()!
}
