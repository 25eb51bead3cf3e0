import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid } from '../errors.ts'
import type { Rendered } from './respond.ts'

const KEPT_MS = 24 * 3_600_000
const MAX_KEY = 255

type Row = { fingerprint: string; status: number | null; sealed: Buffer | null }
type Deps = {
  db: Db
  clock: Clock
  /** Answers may hold config vars or a new token: they are kept encrypted. */
  vault: { seal(text: string, place: string): Buffer; open(sealed: Buffer, place: string): string }
}
export type Ask = {
  accountId: string
  key: string
  /** The client did not ask for it: another request with this key is another request, not a mistake. */
  isImplied?: boolean
  method: string
  path: string
  body: unknown
}

const FIRST_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=,|$)/

/**
 * The key of a call that changes something. The official CLI knows no Idempotency-Key, but repeats a POST whose answer was lost with the
 * very Request-Id, whose first part is new for each call: that is its key. Other clients may send one Request-Id with everything.
 */
export function keyOf(headers: IncomingHttpHeaders): Pick<Ask, 'key' | 'isImplied'> | undefined {
  const given = headers['idempotency-key']
  if (given !== undefined) return { key: String(given) }
  if (!headers['user-agent']?.startsWith('heroku-cli/')) return undefined
  const first = FIRST_UUID.exec(String(headers['request-id'] ?? ''))?.[0]
  return first ? { key: `request ${first}`, isImplied: true } : undefined // a blank is in no key that is given
}

/**
 * Idempotency-Key (FAULTS.md I7): the first call runs, every repeat within a day gets its answer. A repeat of a call that a crash cut short is
 * refused, as nobody knows how far it came; a call that was refused (AppError) has done nothing and may be repeated.
 */
export function idempotency({ db, clock, vault }: Deps) {
  const find = db.prepare<[string, string], Row>(
    'SELECT fingerprint, status, sealed FROM answers WHERE account_id = ? AND key = ?',
  )
  const begin = db.prepare('INSERT INTO answers (account_id, key, fingerprint, created_at) VALUES (?, ?, ?, ?)')
  const keep = db.prepare('UPDATE answers SET status = ?, sealed = ? WHERE account_id = ? AND key = ?')
  const forget = db.prepare('DELETE FROM answers WHERE account_id = ? AND key = ?')
  const prune = db.prepare('DELETE FROM answers WHERE created_at < ?')
  const underWay = new Map<string, Promise<Rendered>>()

  async function first({ accountId, key }: Ask, work: () => Promise<Rendered>): Promise<Rendered> {
    try {
      const answer = await work()
      keep.run(answer.status, vault.seal(JSON.stringify(answer), `answer ${accountId} ${key}`), accountId, key)
      return answer
    } catch (cause) {
      if (cause instanceof AppError) forget.run(accountId, key)
      throw cause
    }
  }

  function again({ accountId, key }: Ask, row: Row): Rendered {
    if (row.status === null || !row.sealed)
      throw new AppError(
        'conflict',
        'This request was interrupted before. Look at what has happened, then send it with a new Idempotency-Key.',
      )
    return JSON.parse(vault.open(row.sealed, `answer ${accountId} ${key}`)) as Rendered
  }

  return {
    async once(ask: Ask, work: () => Promise<Rendered>): Promise<{ answer: Rendered; replayed: boolean }> {
      const { accountId, key, isImplied } = ask
      if (!isImplied && (key.length > MAX_KEY || !/^[\x21-\x7e]+$/.test(key)))
        throw invalid(`Idempotency-Key should be 1 to ${MAX_KEY} visible ASCII characters.`)
      const fingerprint = createHash('sha256')
        .update(`${ask.method} ${ask.path}\n${JSON.stringify(ask.body)}`)
        .digest('hex')
      const row = find.get(accountId, key)
      if (row && row.fingerprint !== fingerprint && isImplied) return { answer: await work(), replayed: false }
      if (row && row.fingerprint !== fingerprint)
        throw invalid('This Idempotency-Key came with another request before: use a new one.')
      const name = `${accountId} ${key}`
      const running = underWay.get(name)
      if (running) return { answer: await running, replayed: true }
      if (row) return { answer: again(ask, row), replayed: true }
      const now = clock.now()
      prune.run(new Date(now.getTime() - KEPT_MS).toISOString())
      begin.run(accountId, key, fingerprint, now.toISOString())
      const answer = first(ask, work).finally(() => underWay.delete(name))
      underWay.set(name, answer)
      return { answer: await answer, replayed: false }
    },
  }
}
