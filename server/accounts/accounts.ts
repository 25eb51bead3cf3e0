import { createHash } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Account } from './account.ts'
import { accountStore, type Token } from './store.ts'

export const SCOPES = ['global', 'identity', 'read', 'write', 'read-protected', 'write-protected', 'deploy'] as const
export type Scope = (typeof SCOPES)[number]
export type Caller = { account: Account; token: Token }

const ADMIN_EMAIL = 'admin@dozen.localhost'
const TOUCH_MS = 60_000
/** No more than what tells an address from something else; nobody sends mail to it. */
const EMAIL = /^[^\s@<>"',;:\\\p{C}]{1,64}@[A-Za-z0-9.-]{1,190}$/u

/** Only this is stored of a token. The look-up is by hash, so its time tells nothing about the token. */
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** Who may do things, and by which tokens. */
export function accounts({ db, clock, ids }: { db: Db; clock: Clock; ids: Ids }) {
  const store = accountStore(db)

  const newSecret = () => `dzn_${ids.secret()}${ids.secret()}`
  function tokenOf(accountId: string, id: string): Token {
    const token = store.tokens(accountId).find((one) => one.id === id)
    if (!token) throw notFound('authorization')
    return token
  }

  function createToken(
    accountId: string,
    request: { description?: unknown; scope?: unknown; expiresIn?: unknown },
  ): { token: Token; secret: string } {
    const secret = newSecret()
    const expiresIn = checkExpiry(request.expiresIn)
    const token = store.insertToken({
      id: ids.uuid(),
      accountId,
      hash: hashOf(secret),
      description: checkDescription(request.description ?? 'Long-lived user authorization'),
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
    list: store.list,
    /** By e-mail (case does not matter) or id. */
    findByEmailOrId: (text: string): Account | undefined => store.findByEmail(text) ?? store.find(text),
    /** Another person who may log in by the token that comes with it. Throws invalid_params. */
    create(request: { email?: unknown; name?: unknown }): { account: Account; secret: string } {
      const { email, name = null } = request
      if (typeof email !== 'string' || !EMAIL.test(email)) throw invalid('email should look like bob@example.com.')
      if (name !== null && (typeof name !== 'string' || name.length > 200))
        throw invalid('name should be a text of at most 200 characters.')
      return db
        .transaction(() => {
          if (store.findByEmail(email)) throw new AppError('invalid_params', `${email} has an account already.`)
          const id = ids.uuid()
          store.insert({ id, email, name, admin: false, at: clock.now() })
          return { account: store.find(id)!, secret: createToken(id, { description: 'First token' }).secret }
        })
        .immediate()
    },
    updateToken(accountId: string, id: string, description: unknown): Token {
      const token = tokenOf(accountId, id)
      store.describeToken(token.id, checkDescription(description ?? token.description), clock.now())
      return tokenOf(accountId, id)
    },
    /** The old secret is worth nothing from then on. */
    rotateToken(accountId: string, id: string): { token: Token; secret: string } {
      const secret = newSecret()
      store.rehashToken(tokenOf(accountId, id).id, hashOf(secret), clock.now())
      return { token: tokenOf(accountId, id), secret }
    },
    revokeToken(accountId: string, id: string): Token {
      const token = tokenOf(accountId, id)
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

function checkDescription(text: unknown): string {
  if (typeof text !== 'string' || text.length > 200) throw invalid('description should be a text of at most 200 characters.')
  return text
}

function checkExpiry(seconds: unknown): number | null {
  if (seconds === undefined || seconds === null) return null
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > 10 * 365 * 86_400) {
    throw invalid('expires_in should be a whole number of seconds, at least 1.')
  }
  return seconds
}
