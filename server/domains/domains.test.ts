import { expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { systemIds } from '../ids.ts'
import { domains } from './domains.ts'

const other = { ...shop, id: 'a2', name: 'other' }
/** Owns "other"; may not see "shop". */
const stranger = { id: 'u2', email: 'stranger@example.com' }
const VISIBLE: Record<string, string> = { 'u1 a1': 'shop', 'u1 a2': 'other', 'u2 a2': 'other' }
const nameOf = ({ id }: { id: string }, appId: string) => VISIBLE[`${id} ${appId}`]

function make() {
  const db = shopDb()
  db.exec(
    `INSERT INTO apps (id, name, owner_id, stack, maintenance, created_at, updated_at) SELECT 'a2', 'other', owner_id, stack, 0, created_at, updated_at FROM apps WHERE id = 'a1'`,
  )
  const clock = { now: () => new Date(0), sleep: async () => {} }
  return domains({
    db, clock, ids: systemIds, logs: { publish: () => {} }, baseDomain: 'apps.test', apiHost: 'dozen.example.com', nameOf, wake: () => {},
  }) // prettier-ignore
}
const conflict = (message: string) => expect.objectContaining({ code: 'conflict', message })

it('gives every app a name of its own below the domain', () => expect(make().hosts(shop)).toEqual(['shop.apps.test']))

it('adds and removes host names', () => {
  const d = make()
  d.add(shop, user, 'Shop.Example.com')
  d.add(shop, user, '*.example.org')
  expect(d.hosts(shop)).toEqual(['shop.apps.test', '*.example.org', 'shop.example.com'])
  d.remove(shop, user, 'shop.example.com')
  expect(d.hosts(shop)).toEqual(['shop.apps.test', '*.example.org'])
})

it('keeps international names as punycode, and finds them as they were typed', () => {
  const d = make()
  expect(d.add(shop, user, 'Bücher.example').hostname).toBe('xn--bcher-kva.example')
  expect(d.add(shop, user, '*.日本.example').hostname).toBe('*.xn--wgv71a.example')
  expect(() => d.add(shop, user, 'xn--bcher-kva.example')).toThrow('already a domain of shop')
  expect(d.find(shop, 'BÜCHER.example').hostname).toBe('xn--bcher-kva.example')
})

it('gives a host name to one app only, and says whose it is only to who may know', () => {
  const d = make()
  d.add(shop, user, 'www.shop.com')
  const [mine, theirs] = [() => d.add(other, user, 'www.shop.com'), () => d.add(other, stranger, 'www.shop.com')]
  expect(mine).toThrow(conflict('www.shop.com is already in use by your app shop.'))
  expect(theirs).toThrow(conflict('www.shop.com is already in use by another app.'))
  expect(() => d.add(shop, user, 'www.shop.com')).toThrow(conflict('www.shop.com is already a domain of shop.'))
})

it('lets nobody take names under a stranger’s wildcard, or lay one over a stranger’s names', () => {
  const d = make()
  d.add(shop, user, '*.shop.com')
  d.add(shop, user, 'www.store.com')
  expect(() => d.add(other, stranger, 'pay.shop.com')).toThrow(conflict('pay.shop.com, as *.shop.com, is already in use by another app.')) // prettier-ignore
  expect(() => d.add(other, stranger, '*.store.com')).toThrow('is already in use by another app.')
  d.add(other, stranger, 'a.pay.shop.com')
  d.add(other, stranger, 'shop.com')
  d.add(other, stranger, '*.www.store.com')
  d.add(other, user, 'pay.shop.com')
  expect(d.hosts(other)).toEqual(['other.apps.test', '*.www.store.com', 'a.pay.shop.com', 'pay.shop.com', 'shop.com'])
})

it.each([
  'a.example;id', '../x', 'example.com:80', 'example.com/', 'user@host', 'localhost', '127.0.0.1', '[::1]', '::1', '0x7f.1', '2130706433',
  '１２７.0.0.1', 'x'.repeat(64) + '.com', 'a..b', '-a.com', 'a-.com', `${'a.'.repeat(127)}com`, 'a'.repeat(100_000), 'a b.com', '', '*', '*.',
  'a.*.com', '**.com', '*.*.com', '*.com:1', 'example.com.', 'ex\nample.com', 'a.123', 'ex%61mple.com', 'a_b.com', 'xn--a.com', 'a\u0000.com',
  'a?.com', 'a#.com', 'a\\b.com', '\u202Ea.com', 'a。com/', '$(id).com', '`id`.com', "a'.com",
])('refuses %j', (hostname) => expect(() => make().add(shop, user, hostname)).toThrowError(expect.objectContaining({ code: 'invalid_params' }))) // prettier-ignore

it.each([
  'shop.apps.test',
  'SHOP.APPS.TEST',
  'ｓhop.apps.test',
  'apps.test',
  'x.y.apps.test',
  '*.apps.test',
  'dozen.example.com',
  '*.example.com',
])('keeps %j for the platform', (hostname) => expect(() => make().add(shop, user, hostname)).toThrow('belongs to the platform'))

it('takes a name of 253 characters', () => {
  const name = `${`${'a'.repeat(62)}.`.repeat(4)}x`
  expect(make().add(shop, user, name.slice(-253)).hostname).toHaveLength(253)
})

it('keeps the name that comes with the app, on or off', () => {
  const d = make()
  expect(() => d.remove(shop, user, 'shop.apps.test')).toThrow(/cannot be removed/)
  d.add(shop, user, 'www.shop.com')
  expect(d.update(shop, user, 'shop.apps.test', { isOn: false }).isOn).toBe(false)
  expect(d.hosts(shop)).toEqual(['www.shop.com'])
  expect(d.list(shop)[0]).toMatchObject({ hostname: 'shop.apps.test', kind: 'platform', isOn: false })
  expect(d.hosts(other)).toEqual(['other.apps.test'])
  d.update(shop, user, 'shop.apps.test', { isOn: true })
  expect(d.hosts(shop)).toEqual(['shop.apps.test', 'www.shop.com'])
  expect(() => d.update(shop, user, 'www.shop.com', { isOn: false })).toThrow('Only the default domain')
})
