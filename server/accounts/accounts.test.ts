import { beforeEach, describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { openDb, type Db } from '../../db/open.ts'
import { systemIds as ids } from '../ids.ts'
import { accounts as make, type Accounts } from './accounts.ts'

let db: Db
let clock: ReturnType<typeof fakeClock>
let accounts: Accounts
beforeEach(() => {
  db = openDb(':memory:')
  clock = fakeClock(Date.UTC(2026, 0, 1))
  accounts = make({ db, clock, ids })
  accounts.admin()
})
const bob = () => accounts.create({ email: 'bob@example.com' })

describe('a token', () => {
  it('is kept as a hash alone, and told once (ABUSE 77)', () => {
    const { secret, account } = bob()
    const kept = JSON.stringify(db.prepare('SELECT * FROM tokens').all())
    expect(kept).not.toContain(secret)
    expect(JSON.stringify(accounts.tokens(account.id))).not.toContain(secret)
    expect(accounts.authenticate(secret)!.account.email).toBe('bob@example.com')
  })
  it('says when it was last used, and ends at its time, whichever way the clock jumps (ABUSE 90)', async () => {
    const { account } = bob()
    const { secret, token } = accounts.createToken(account.id, { expiresIn: 3600 })
    expect(accounts.authenticate(secret)!.account.id).toBe(account.id)
    expect(accounts.tokens(account.id).find(({ id }) => id === token.id)!.lastUsedAt).toEqual(clock.now())
    await clock.advance(-86_400_000)
    expect(accounts.authenticate(secret)).toBeDefined()
    expect(accounts.tokens(account.id).find(({ id }) => id === token.id)!.lastUsedAt).toEqual(clock.now())
    await clock.advance(86_400_000 + 3_600_000)
    expect(accounts.authenticate(secret)).toBeUndefined()
  })
  it('that was rotated or revoked is worth nothing', () => {
    const { secret, account } = bob()
    const [token] = accounts.tokens(account.id)
    const fresh = accounts.rotateToken(account.id, token!.id).secret
    expect([accounts.authenticate(secret), accounts.authenticate(fresh)?.account.id]).toEqual([undefined, account.id])
    accounts.revokeToken(account.id, token!.id)
    expect(accounts.authenticate(fresh)).toBeUndefined()
  })
})

describe('an account', () => {
  it('that is disabled is let in by none of its tokens until it is enabled again', () => {
    const { secret, account } = bob()
    expect(accounts.allow(accounts.findByEmailOrId('BOB@example.com')!.id, { disabled: true }).disabledAt).toEqual(clock.now())
    expect(accounts.authenticate(secret)).toBeUndefined()
    accounts.allow(account.id, { disabled: false })
    expect(accounts.authenticate(secret)).toBeDefined()
  })
  it('is never the last admin to be locked out', () => {
    const { id } = accounts.admin()
    expect(() => accounts.allow(id, { disabled: true })).toThrow(/last admin/)
    expect(() => accounts.allow(id, { admin: false })).toThrow(/last admin/)
    accounts.create({ email: 'second@example.com', admin: true })
    expect(accounts.allow(id, { disabled: true }).disabledAt).not.toBeNull()
  })
  it.each(['a b@example.com', "a'--@x", '<b>@example.com', '', 'x'.repeat(300), 7, null, '\u202e@example.com'])('is not made for %j (ABUSE 17)', (email) => {
    expect(() => accounts.create({ email })).toThrow(/email should look like/)
  }) // prettier-ignore
  it('keeps text of any kind as text (ABUSE 17, 76)', () => {
    const name = `<script>alert(1)</script> ' OR 1=1 -- $(id)`
    const { account } = accounts.create({ email: 'o+neil@example.com', name })
    expect(accounts.findByEmailOrId('o+neil@example.com')).toMatchObject({ id: account.id, name })
    expect(accounts.list()).toHaveLength(2)
  })
})
