import { createHash } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'

const TYPES = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)$/
const MAX_LENGTH = 16 * 1024

export type Key = {
  readonly id: string
  readonly publicKey: string
  readonly fingerprint: string
  readonly comment: string
  readonly createdAt: Date
  readonly updatedAt: Date
}
type Row = { id: string; public_key: string; fingerprint: string; comment: string; created_at: string; updated_at: string }

const fromRow = (r: Row): Key => ({
  id: r.id,
  publicKey: r.public_key,
  fingerprint: r.fingerprint,
  comment: r.comment,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** Public SSH keys of an account, in OpenSSH's one-line form (RFC 4253 §6.6). */
export function keys({ db, clock, ids }: { db: Db; clock: Clock; ids: Ids }) {
  const all = db.prepare<[string], Row>('SELECT * FROM keys WHERE account_id = ? ORDER BY created_at, id')
  const insert = db.prepare<object, Row>(`
    INSERT INTO keys ( id,  account_id,  public_key,  fingerprint,  comment,  created_at,  updated_at)
    VALUES           (@id, @account_id, @public_key, @fingerprint, @comment, @at,         @at)
    ON CONFLICT DO NOTHING RETURNING *`)
  const remove = db.prepare('DELETE FROM keys WHERE id = ?')
  const list = (accountId: string) => all.all(accountId).map(fromRow)

  function find(accountId: string, idOrFingerprint: string): Key {
    const found = list(accountId).find(({ id, fingerprint, comment }) => [id, fingerprint, comment].includes(idOrFingerprint))
    if (!found) throw notFound('key')
    return found
  }

  return {
    list,
    find,
    add(accountId: string, text: unknown): Key {
      const { publicKey, fingerprint, comment } = parse(text)
      const at = clock.now().toISOString()
      const made = insert.get({ id: ids.uuid(), account_id: accountId, public_key: publicKey, fingerprint, comment, at })
      if (!made) throw new AppError('invalid_params', 'Fingerprint already exists. SSH keys must be unique across accounts.')
      return fromRow(made)
    },
    remove(accountId: string, idOrFingerprint: string): Key {
      const key = find(accountId, idOrFingerprint)
      remove.run(key.id)
      return key
    },
  }
}
export type Keys = ReturnType<typeof keys>

function parse(text: unknown) {
  const wrong = () => invalid('public_key should be one line such as "ssh-ed25519 AAAAC3Nza… me@laptop" (the .pub file).')
  if (typeof text !== 'string' || text.length > MAX_LENGTH) throw wrong()
  const line = text.trim()
  const [type = '', blob = '', ...comment] = line.split(/[ \t]+/)
  if (/[\r\n\0]/.test(line) || !TYPES.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(blob)) throw wrong()
  const bytes = Buffer.from(blob, 'base64')
  const named = bytes.length > 4 && bytes.readUInt32BE(0) === type.length && bytes.toString('latin1', 4, 4 + type.length) === type
  if (!named) throw wrong()
  const fingerprint = `SHA256:${createHash('sha256').update(bytes).digest('base64').replace(/=+$/, '')}`
  return { publicKey: line, fingerprint, comment: comment.join(' ') }
}
