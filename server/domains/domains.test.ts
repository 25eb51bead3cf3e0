import { expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { systemIds } from '../ids.ts'
import { domains } from './domains.ts'

const other = { ...shop, id: 'a2', name: 'other' }
function make() {
  const db = shopDb()
  db.exec(`INSERT INTO apps VALUES ('a2', 'other', 'u1', 'heroku-22', 0, 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z')`)
  const clock = { now: () => new Date(0), sleep: async () => {} }
  return domains({
    db,
    clock,
    ids: systemIds,
    logs: { publish: () => {} },
    baseDomain: 'apps.test',
    apiHost: 'dozen.example.com',
    wake: () => {},
  })
}

it('gives every app a name of its own below the domain', () => expect(make().hosts(shop)).toEqual(['shop.apps.test']))
it('adds and removes host names', () => {
  const d = make()
  d.add(shop, user, 'Shop.Example.com')
  d.add(shop, user, '*.example.com')
  expect(d.hosts(shop)).toEqual(['shop.apps.test', '*.example.com', 'shop.example.com'])
  d.remove(shop, user, 'shop.example.com')
  expect(d.hosts(shop)).toEqual(['shop.apps.test', '*.example.com'])
})
it('keeps international names as punycode', () =>
  expect(make().add(shop, user, 'bücher.example').hostname).toBe('xn--bcher-kva.example'))
it('gives a host name to one app only', () => {
  const d = make()
  d.add(shop, user, 'shop.example.com')
  expect(() => d.add(other, user, 'shop.example.com')).toThrowError(expect.objectContaining({ code: 'conflict' }))
})
it.each([
  'a.example;id', '../x', 'example.com:80', 'example.com/', 'user@host', 'localhost', '127.0.0.1', '[::1]', 'x'.repeat(64) + '.com', 'a..b', '-a.com',
  `${'a.'.repeat(127)}com`, 'a b.com', '', 'shop.apps.test', 'apps.test', 'dozen.example.com', '*', 'a.*.com', 'example.com.', 'ex\nample.com', 'a.123',
])('refuses %j', (hostname) => expect(() => make().add(shop, user, hostname)).toThrowError(expect.objectContaining({ code: 'invalid_params' }))) // prettier-ignore
it('keeps the name that comes with the app', () =>
  expect(() => make().remove(shop, user, 'shop.apps.test')).toThrow(/cannot be removed/))
