import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { apiCertificate } from '../api/ca.ts'
import { systemIds as ids } from '../ids.ts'
import { vault } from '../secrets/vault.ts'
import { covers } from './certificate.ts'
import { certs as makeCerts } from './certs.ts'

let folder: string
let now: Date
let hosts: string[]
let chosen: string | null
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-certs-'))
  now = new Date()
  chosen = null
  hosts = ['shop.localhost', 'www.shop.example', '*.shop.example']
})
afterEach(() => rmSync(folder, { recursive: true }))

const db = () => shopDb()
const make = (database = db()) =>
  makeCerts({
    db: database, vault: vault(randomBytes(32)), ids, clock: { now: () => now, sleep: async () => {} }, logs: { publish: () => {} },
    folder: join(folder, 'router'), apps: () => [shop], domains: () => hosts.map((hostname) => ({ hostname, certId: chosen })), wake: () => {},
  }) // prettier-ignore
const pair = async (...names: string[]) => {
  const { cert, key } = await apiCertificate(mkdtempSync(join(folder, 'ca-')), names, new Date())
  return { certificate_chain: cert, private_key: key }
}
const files = () => readdirSync(join(folder, 'router')).sort()

it('reach the router for the names of the app that they cover, and leave it with them', async () => {
  const certs = make()
  const { name } = certs.add(shop, user, await pair('www.shop.example', 'other.example'))
  expect(files()).toEqual(['www.shop.example.pem'])
  const path = join(folder, 'router/www.shop.example.pem')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const before = readFileSync(path, 'utf8')
  certs.update(shop, user, name, await pair('www.shop.example', '*.shop.example'))
  expect(files()).toEqual(['*.shop.example.pem', 'www.shop.example.pem'])
  expect(readFileSync(path, 'utf8')).not.toBe(before)
  hosts = ['shop.localhost', 'www.shop.example']
  certs.sync()
  expect(files()).toEqual(['www.shop.example.pem'])
  certs.remove(shop, user, name)
  expect([files(), certs.list(shop.id)]).toEqual([[], []])
})

it('say what they are', async () => {
  const { hosts: names, expiresAt, isSelfSigned } = make().add(shop, user, await pair('www.shop.example'))
  expect([names, isSelfSigned]).toEqual([['www.shop.example'], false])
  expect(expiresAt.getTime()).toBeGreaterThan(now.getTime())
})

it('are refused when something is wrong with them, with a sentence', async () => {
  const certs = make()
  const [good, other] = [await pair('www.shop.example'), await pair('www.shop.example')]
  const refused = (input: object, message: string) => expect(() => certs.add(shop, user, input)).toThrow(message)
  refused({}, 'certificate_chain should be PEM')
  refused({ ...good, certificate_chain: 'x' }, 'certificate_chain should be PEM')
  refused({ ...good, certificate_chain: good.certificate_chain.replace(/[A-Za-z0-9]{20}/, 'A'.repeat(20)) }, 'certificate')
  refused({ ...good, private_key: 'x' }, 'private_key should be a PEM private key')
  refused({ ...good, private_key: other.private_key }, 'does not belong')
  now = new Date(Date.now() + 20 * 365 * 86_400_000)
  refused(good, 'expired on')
  expect(files()).toEqual([])
})

it('cover names as RFC 6125 says', () => {
  expect(covers(['*.a.example'], 'x.a.example')).toBe(true)
  expect(covers(['*.a.example'], 'x.y.a.example')).toBe(false)
  expect(covers(['*.a.example'], 'a.example')).toBe(false)
  expect(covers(['x.a.example'], '*.a.example')).toBe(false)
  expect(covers(['*.a.example'], '*.a.example')).toBe(true)
})

it('that its user chose for a name is shown for it, else what is still good, then what a user brought, then the newest', async () => {
  const certs = make()
  const [first, second] = [await pair('www.shop.example'), await pair('www.shop.example', '*.shop.example')]
  const one = certs.add(shop, user, first)
  certs.put(shop.id, 'www.shop.example', { chain: second.certificate_chain, key: second.private_key })
  expect(certs.used(shop).get('www.shop.example')?.id).toBe(one.id)
  const two = certs.add(shop, user, second)
  now = new Date(now.getTime() + 1000)
  certs.update(shop, user, two.name, second)
  expect(certs.used(shop).get('www.shop.example')?.id).toBe(two.id)
  chosen = one.id
  expect(certs.used(shop).get('www.shop.example')?.id).toBe(one.id)
  expect(certs.used(shop).get('*.shop.example')?.id).toBe(two.id)
})

it('serve on when they have expired and nothing better is there', async () => {
  const certs = make()
  certs.add(shop, user, await pair('www.shop.example'))
  now = new Date(Date.now() + 20 * 365 * 86_400_000)
  certs.sync()
  expect([files(), certs.brought(shop)('www.shop.example')]).toEqual([['www.shop.example.pem'], false])
})

it('that dozen ordered are renewed by dozen alone', async () => {
  const certs = make()
  const { certificate_chain: chain, private_key: key } = await pair('www.shop.example')
  const put = () => certs.put(shop.id, 'www.shop.example', { chain, key })
  const { id, name } = put()
  expect(put().id).toBe(id)
  expect(() => certs.remove(shop, user, name)).toThrow('certs:auto:disable removes it')
  expect(() => certs.update(shop, user, name, {})).toThrow('renewed by dozen itself')
  expect(() => certs.put(shop.id, 'other.example', { chain, key })).toThrow('does not name other.example')
  expect([...certs.automatic().keys()]).toEqual(['www.shop.example'])
  certs.drop('www.shop.example')
  certs.sync()
  expect(files()).toEqual([])
})

it('of a name that no file can be called after have another file', async () => {
  const host = `${`${'a'.repeat(62)}.`.repeat(3)}${'a'.repeat(58)}.io`
  hosts = [host]
  make().add(shop, user, await pair(host))
  expect(files()).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.pem$/)])
})
