import { createHmac, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Db } from '../../db/open.ts'
import { failpoint } from '../failpoint.ts'
import { vault as makeVault, type KeyedVault } from './vault.ts'

type Row = Record<string, string | number | Buffer | null>
/** Everything that is sealed: where it is, how its row is found, and the place that it was sealed for. */
export const SEALED: readonly { table: string; column: string; keys: readonly string[]; place: (row: Row) => string }[] = [
  { table: 'release_configs', column: 'sealed', keys: ['app_id', 'version'], place: (r) => `${r['app_id']}/${r['version']}` },
  { table: 'drains', column: 'sealed_url', keys: ['id'], place: (r) => `drain/${r['id']}` },
  { table: 'certs', column: 'sealed_key', keys: ['id'], place: (r) => `cert/${r['id']}` },
  { table: 'acme_names', column: 'sealed_key', keys: ['hostname'], place: (r) => `acme/${r['hostname']}` },
  { table: 'webhooks', column: 'sealed', keys: ['id'], place: (r) => `webhook/${r['id']}` },
  { table: 'answers', column: 'sealed', keys: ['account_id', 'key'], place: (r) => `answer ${r['account_id']} ${r['key']}` },
]

const markOf = (key: Buffer) => createHmac('sha256', key).update('dozen: which key').digest('hex')
export const nextOf = (file: string) => `${file}.next`

/** Which key the database is sealed with: a mark of it is kept with the data. */
export function keyMark(db: Db) {
  const get = db.prepare<[], string>(`SELECT value FROM settings WHERE key = 'key_mark'`).pluck()
  const set = db.prepare(
    `INSERT INTO settings (key, value) VALUES ('key_mark', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  )
  return { get: () => get.get(), set: (key: Buffer) => void set.run(markOf(key)) }
}

/** Whether the database is sealed with this key; undefined when it does not say. */
export function isKeyOf(db: Db, key: Buffer): boolean | undefined {
  const known = keyMark(db).get()
  return known === undefined ? undefined : known === markOf(key)
}

/** After a rotation that was cut short: the key file becomes what the database says. To be called before the key is read. */
export function settle(db: Db, file: string): void {
  if (!existsSync(nextOf(file))) return
  const next = Buffer.from(readFileSync(nextOf(file), 'utf8').trim(), 'hex')
  if (keyMark(db).get() === markOf(next)) renameSync(nextOf(file), file)
  else rmSync(nextOf(file))
}

/** Throws when `key` is not the one that the database is sealed with; from then on the database knows. `isEmpty`: nothing was sealed yet. */
export function checkKey(db: Db, key: Buffer, file: string, isEmpty: boolean): void {
  const mark = keyMark(db)
  const known = mark.get()
  if (known === undefined || isEmpty) return mark.set(key)
  if (known !== markOf(key))
    throw new Error(
      `${file} is not the key of this database: no config var could be read. Put the right one back from your backup.`,
    )
}

/**
 * A new key, and everything sealed anew with it: all or nothing. The new key is on disk beside the old one before the database changes, and takes its
 * place after; whatever is killed in between, `settle` knows which of the two the database has.
 */
export function rotation({ db, file, vault }: { db: Db; file: string; vault: KeyedVault }) {
  function reseal({ table, column, keys, place }: (typeof SEALED)[number], fresh: ReturnType<typeof makeVault>): number {
    const rows = db.prepare<[], Row>(`SELECT ${[...keys, column].join(', ')} FROM ${table} WHERE ${column} IS NOT NULL`).all()
    const update = db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${keys.map((key) => `${key} = ?`).join(' AND ')}`)
    for (const row of rows) {
      const text = vault.open(row[column] as Buffer, place(row))
      update.run(fresh.seal(text, place(row)), ...keys.map((key) => row[key]))
    }
    return rows.length
  }

  return {
    /** How many values were sealed anew. */
    rotate(): number {
      const next = randomBytes(32)
      writeWhole(nextOf(file), `${next.toString('hex')}\n`)
      failpoint('rotate.keyed')
      const fresh = makeVault(next)
      try {
        const count = db
          .transaction(() => {
            const all = SEALED.map((one) => reseal(one, fresh))
            keyMark(db).set(next)
            return all.reduce((sum, one) => sum + one, 0)
          })
          .immediate()
        failpoint('rotate.committed')
        vault.rekey(next)
        renameSync(nextOf(file), file)
        return count
      } catch (cause) {
        settle(db, file)
        throw cause
      }
    },
  }
}

/** On the disk itself before it returns. */
function writeWhole(file: string, text: string) {
  rmSync(file, { force: true })
  const open = openSync(file, 'wx', 0o600)
  writeSync(open, text)
  fsyncSync(open)
  closeSync(open)
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}
