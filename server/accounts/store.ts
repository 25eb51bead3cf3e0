import type { Db } from '../../db/open.ts'
import type { Account } from './account.ts'

type Row = {
  id: string
  email: string
  name: string | null
  admin: number
  disabled_at: string | null
  created_at: string
  updated_at: string
}
type TokenRow = {
  id: string
  account_id: string
  hash: string
  description: string
  scope: string
  expires_at: string | null
  last_used_at: string | null
  created_at: string
  updated_at: string
}

/** A token without its secret. */
export type Token = {
  readonly id: string
  readonly accountId: string
  readonly description: string
  readonly scope: readonly string[]
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

const fromRow = (r: Row): Account => ({
  id: r.id,
  email: r.email,
  name: r.name,
  admin: r.admin === 1,
  disabledAt: r.disabled_at === null ? null : new Date(r.disabled_at),
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

const tokenFromRow = (r: TokenRow): Token => ({
  id: r.id,
  accountId: r.account_id,
  description: r.description,
  scope: JSON.parse(r.scope) as string[],
  expiresAt: r.expires_at ? new Date(r.expires_at) : null,
  lastUsedAt: r.last_used_at ? new Date(r.last_used_at) : null,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** All SQL about accounts and their tokens. */
export function accountStore(db: Db) {
  const byId = db.prepare<[string], Row>('SELECT * FROM accounts WHERE id = ?')
  const byEmail = db.prepare<[string], Row>('SELECT * FROM accounts WHERE email = ?') // COLLATE NOCASE
  const all = db.prepare<[], Row>('SELECT * FROM accounts ORDER BY created_at, id')
  const describe = db.prepare('UPDATE tokens SET description = ?, updated_at = ? WHERE id = ?')
  const rehash = db.prepare('UPDATE tokens SET hash = ?, updated_at = ? WHERE id = ?')
  const admin = db.prepare<[], Row>('SELECT * FROM accounts WHERE admin = 1 ORDER BY created_at LIMIT 1')
  const allow = db.prepare('UPDATE accounts SET admin = @admin, disabled_at = @disabled_at, updated_at = @at WHERE id = @id')
  const insert = db.prepare(`
    INSERT INTO accounts ( id,  email,  name,  admin,  created_at,  updated_at)
    VALUES               (@id, @email, @name, @admin, @at,         @at)`)
  const update = db.prepare('UPDATE accounts SET email = @email, name = @name, updated_at = @at WHERE id = @id')
  const removeAccount = db.prepare('DELETE FROM accounts WHERE id = ?')
  const tokenByHash = db.prepare<[string], TokenRow>('SELECT * FROM tokens WHERE hash = ?')
  const tokensOf = db.prepare<[string], TokenRow>('SELECT * FROM tokens WHERE account_id = ? ORDER BY created_at, id')
  const insertToken = db.prepare<object, TokenRow>(`
    INSERT INTO tokens ( id,  account_id,  hash,  description,  scope,  expires_at,  created_at,  updated_at)
    VALUES             (@id, @account_id, @hash, @description, @scope, @expires_at, @at,         @at)
    RETURNING *`)
  const touch = db.prepare('UPDATE tokens SET last_used_at = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM tokens WHERE id = ?')
  return {
    find(id: string) {
      const row = byId.get(id)
      return row && fromRow(row)
    },
    findByEmail(email: string) {
      const row = byEmail.get(email)
      return row && fromRow(row)
    },
    list: () => all.all().map(fromRow),
    describeToken: (id: string, description: string, at: Date) => void describe.run(description, at.toISOString(), id),
    rehashToken: (id: string, hash: string, at: Date) => void rehash.run(hash, at.toISOString(), id),
    admin() {
      const row = admin.get()
      return row && fromRow(row)
    },
    allow: (a: { id: string; admin: boolean; disabledAt: Date | null }, at: Date) =>
      void allow.run({
        id: a.id,
        admin: a.admin ? 1 : 0,
        disabled_at: a.disabledAt?.toISOString() ?? null,
        at: at.toISOString(),
      }),
    insert: (a: { id: string; email: string; name: string | null; admin: boolean; at: Date }) =>
      void insert.run({ id: a.id, email: a.email, name: a.name, admin: a.admin ? 1 : 0, at: a.at.toISOString() }),
    update: (a: { id: string; email: string; name: string | null }, at: Date) => void update.run({ ...a, at: at.toISOString() }),
    remove: (id: string) => void removeAccount.run(id),
    tokenByHash(hash: string) {
      const row = tokenByHash.get(hash)
      return row && tokenFromRow(row)
    },
    tokens: (accountId: string) => tokensOf.all(accountId).map(tokenFromRow),
    insertToken: (t: { id: string; accountId: string; hash: string; description: string; scope: readonly string[]; expiresAt: Date | null; at: Date }) =>
      tokenFromRow(
        insertToken.get({
          id: t.id, account_id: t.accountId, hash: t.hash, description: t.description, scope: JSON.stringify(t.scope),
          expires_at: t.expiresAt?.toISOString() ?? null, at: t.at.toISOString(),
        })!,
      ), // prettier-ignore
    touch: (id: string, at: Date) => void touch.run(at.toISOString(), id),
    removeToken: (id: string) => void remove.run(id),
  }
}
