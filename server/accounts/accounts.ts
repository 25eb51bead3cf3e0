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
    /** undefined for a token that is unknown or expired, or whose account is disabled. */
    authenticate(secret: string): Caller | undefined {
      const token = store.tokenByHash(hashOf(secret))
      const now = clock.now()
      if (!token || (token.expiresAt && token.expiresAt <= now)) return undefined
      const account = store.find(token.accountId)!
      if (account.disabledAt) return undefined
      if (Math.abs(now.getTime() - (token.lastUsedAt?.getTime() ?? 0)) > TOUCH_MS) store.touch(token.id, now)
      return { account, token }
    },
    find: store.find,
    tokens: store.tokens,
    createToken,
    list: store.list,
    /** By e-mail (case does not matter) or id. */
    findByEmailOrId: (text: string): Account | undefined => store.findByEmail(text) ?? store.find(text),
    /** Another person who may log in by the token that comes with it. Throws invalid_params. */
    create(request: { email?: unknown; name?: unknown; admin?: unknown }): { account: Account; secret: string } {
      const email = checkEmail(request.email)
      const name = checkName(request.name ?? null)
      const admin = checkFlag('admin', request.admin ?? false)
      return db
        .transaction(() => {
          if (store.findByEmail(email)) throw new AppError('invalid_params', `${email} has an account already.`)
          const id = ids.uuid()
          store.insert({ id, email, name, admin, at: clock.now() })
          return { account: store.find(id)!, secret: createToken(id, { description: 'First token' }).secret }
        })
        .immediate()
    },
    /** Another e-mail address or name; null takes the name away. Throws invalid_params. */
    update(id: string, changes: { email?: unknown; name?: unknown }): Account {
      const before = store.find(id)!
      const email = changes.email === undefined ? before.email : checkEmail(changes.email)
      const name = changes.name === undefined ? before.name : checkName(changes.name)
      db.transaction(() => {
        const taken = store.findByEmail(email)
        if (taken && taken.id !== id) throw invalid(`${email} has an account already.`)
        store.update({ id, email, name }, clock.now())
      }).immediate()
      return store.find(id)!
    },
    /** Whether its tokens are taken, and whether it may do everything. Throws invalid_params, also for the last admin that could still log in. */
    allow(id: string, changes: { disabled?: unknown; admin?: unknown }): Account {
      return db
        .transaction(() => {
          const before = store.find(id)!
          const now = clock.now()
          const isDisabled = checkFlag('disabled', changes.disabled ?? before.disabledAt !== null)
          const admin = checkFlag('admin', changes.admin ?? before.admin)
          store.allow({ id, admin, disabledAt: isDisabled ? (before.disabledAt ?? now) : null }, now)
          if (!store.list().some((one) => one.admin && !one.disabledAt))
            throw invalid(`${before.email} is the last admin who can log in: make another one first.`)
          return store.find(id)!
        })
        .immediate()
    },
    /** With its tokens and keys; what it did stays in the ledger. Throws conflict for the only admin. */
    remove(id: string): Account {
      const account = store.find(id)!
      if (account.admin && !store.list().some((one) => one.admin && !one.disabledAt && one.id !== id))
        throw new AppError('conflict', `${account.email} is the only admin: somebody has to look after this dozen.`)
      store.remove(id)
      return account
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

function checkEmail(email: unknown): string {
  if (typeof email !== 'string' || !EMAIL.test(email)) throw invalid('email should look like bob@example.com.')
  return email
}

function checkName(name: unknown): string | null {
  if (name !== null && (typeof name !== 'string' || name.length > 200))
    throw invalid('name should be a text of at most 200 characters.')
  return name
}

/** Seconds as a number, or as the text that the official CLI sends. */
function checkFlag(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(`${name} should be true or false.`)
  return value
}

function checkExpiry(given: unknown): number | null {
  if (given === undefined || given === null) return null
  const seconds = typeof given === 'string' && /^\d{1,9}$/.test(given) ? Number(given) : given
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 1 || seconds > 10 * 365 * 86_400) {
    throw invalid('expires_in should be a whole number of seconds, at least 1.')
  }
  return seconds
}
