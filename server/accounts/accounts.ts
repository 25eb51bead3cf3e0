import { createHash } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import { invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Account } from './account.ts'
import { accountStore, type Token } from './store.ts'

export const SCOPES = ['global', 'identity', 'read', 'write', 'read-protected', 'write-protected', 'deploy'] as const
export type Scope = (typeof SCOPES)[number]
export type Caller = { account: Account; token: Token }

const ADMIN_EMAIL = 'admin@dozen.localhost'
const TOUCH_MS = 60_000

/** Only this is stored of a token. The look-up is by hash, so its time tells nothing about the token. */
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** Who may do things, and by which tokens. */
export function accounts({ db, clock, ids }: { db: Db; clock: Clock; ids: Ids }) {
  const store = accountStore(db)

  function createToken(
    accountId: string,
    request: { description?: unknown; scope?: unknown; expiresIn?: unknown },
  ): { token: Token; secret: string } {
    const secret = `dzn_${ids.secret()}${ids.secret()}`
    const expiresIn = checkExpiry(request.expiresIn)
    const token = store.insertToken({
      id: ids.uuid(),
      accountId,
      hash: hashOf(secret),
      description: String(request.description ?? 'Long-lived user authorization').slice(0, 200),
      scope: checkScope(request.scope),
      expiresAt: expiresIn === null ? null : new Date(clock.now().getTime() + expiresIn * 1000),
      at: clock.now(),
    })
    return { token, secret }
  }

  return {
    /** The first account, made with the installation. */
    admin(): Account {
      const found = store.admin()
      if (found) return found
      store.insert({ id: ids.uuid(), email: ADMIN_EMAIL, name: null, admin: true, at: clock.now() })
      return store.admin()!
    },
    /** undefined for a token that is unknown or expired. */
    authenticate(secret: string): Caller | undefined {
      const token = store.tokenByHash(hashOf(secret))
      const now = clock.now()
      if (!token || (token.expiresAt && token.expiresAt <= now)) return undefined
      if (now.getTime() - (token.lastUsedAt?.getTime() ?? 0) > TOUCH_MS) store.touch(token.id, now)
      return { account: store.find(token.accountId)!, token }
    },
    find: store.find,
    tokens: store.tokens,
    createToken,
    revokeToken(accountId: string, id: string): Token {
      const token = store.tokens(accountId).find((one) => one.id === id)
      if (!token) throw notFound('authorization')
      store.removeToken(token.id)
      return token
    },
  }
}
export type Accounts = ReturnType<typeof accounts>

function checkScope(scope: unknown): Scope[] {
  const wanted = scope === undefined ? ['global'] : scope
  if (!Array.isArray(wanted) || wanted.length === 0 || !wanted.every((one) => SCOPES.includes(one as Scope))) {
    throw invalid(`scope should be a list of: ${SCOPES.join(', ')}.`)
  }
  return wanted as Scope[]
}

function checkExpiry(seconds: unknown): number | null {
  if (seconds === undefined || seconds === null) return null
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > 10 * 365 * 86_400) {
    throw invalid('expires_in should be a whole number of seconds, at least 1.')
  }
  return seconds
}
