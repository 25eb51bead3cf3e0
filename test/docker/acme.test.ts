import { randomBytes, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { World as Router, until } from '../../router/testing.ts'
import { acme as makeAcme } from '../../server/acme/acme.ts'
import { acmeSettings } from '../../server/acme/settings.ts'
import { certs as makeCerts } from '../../server/certs/certs.ts'
import { systemClock } from '../../server/clock.ts'
import { systemIds as ids } from '../../server/ids.ts'
import { vault as makeVault } from '../../server/secrets/vault.ts'
import { shop, shopDb } from '../support/memory.ts'
import { Pebble } from '../support/pebble.ts'

/** The real authority, the real router; the rest of the platform is not needed to order a certificate. */
let pebble: Pebble
let router: Router
let folder: string
const db = shopDb()
const vault = makeVault(randomBytes(32))
let hosts: string[] = []
let lines: string[] = []
/** Moves the clock of this side only. */
let ahead = 0
const clock = { ...systemClock, now: () => new Date(Date.now() + ahead) }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dozen-acme-'))
  router = await new Router().start()
  pebble = new Pebble()
  await pebble.open()
  await pebble.start({ httpPort: router.router.http.port, env: { PEBBLE_WFE_NONCEREJECT: '50' } })
})
afterAll(async () => {
  await pebble.close()
  await router.end()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  hosts = []
  lines = []
  ahead = 0
})
afterEach(() => void (pebble.fault = () => undefined))

/** A controller: again = after a restart. A deaf router is told no tokens. */
function live({ isDeaf = false, binding }: { isDeaf?: boolean; binding?: { kid: string; hmacKey: string } } = {}) {
  const logs = { publish: ({ text }: { text: string }) => void lines.push(text) }
  const home = { path: (name: string) => join(folder, name.replace('certs/', '')) }
  const config = {
    acmeDirectory: pebble.directory,
    acmeEmail: 'ops@example.com',
    acmeBinding: binding,
    acmeCa: pebble.ca,
    domain: 'shop.example',
  }
  const certs = makeCerts({
    db, vault, clock, ids, logs, folder: join(router.folder, 'certs'), apps: () => [shop],
    domains: () => hosts.map((hostname) => ({ hostname, certId: null })), wake: () => {},
  }) // prettier-ignore
  const acme = makeAcme({
    db, vault, clock, logs, ...acmeSettings({ config, home, db }), apps: () => [shop], hosts: () => hosts, certs,
    publish: async (challenges) => {
      const table = { ...router.table({ hosts: ['x.localhost'] }), ...(!isDeaf && { challenges }) }
      return (await router.control('PUT', '/table', table)).status === 200
    },
    onError: (_what, cause) => { throw cause },
  }) // prettier-ignore
  const { signal } = new AbortController()
  const status = (host: string) => acme.statuses(shop)(host)
  /** Passes as fast as they will until the fact, whatever the wait: pauses of the authority are stepped over. */
  const reach = (look: () => unknown) =>
    until(async () => {
      const ms = await acme.pass(signal)
      if (!look() && ms > 2_000) ahead += ms
      return look()
    }, 60_000)
  return { acme, certs, status, reach, signal }
}

it('has a certificate issued by http-01, half of the nonces refused, the account’s key kept for its owner alone', async () => {
  hosts = ['www.shop.example', 'xn--bcher-kva.example']
  const { reach, status, certs } = live()
  await reach(() => hosts.every((host) => status(host).status === 'cert issued'))
  const cert = certs.automatic().get('www.shop.example')!
  expect(cert.hosts).toEqual(['www.shop.example'])
  expect(cert.issuer).toContain('Pebble Intermediate CA')
  const pem = readFileSync(join(router.folder, 'certs/www.shop.example.pem'), 'utf8')
  expect(pem.match(/BEGIN CERTIFICATE/g)!.length).toBeGreaterThan(1)
  expect(statSync(join(folder, 'acme-account.key')).mode & 0o777).toBe(0o600)
})

it('keeps its account over a restart', async () => {
  hosts = ['again.shop.example']
  pebble.seen.length = 0
  const { reach, status } = live()
  await reach(() => status('again.shop.example').status === 'cert issued')
  expect(pebble.seen.filter((one) => one.includes('sign-me-up'))).toEqual([])
})

it('says in the authority’s words why a name could not be proven', async () => {
  hosts = ['gone.shop.example']
  const { acme, status, signal } = live({ isDeaf: true })
  await until(async () => {
    await acme.pass(signal)
    return status('gone.shop.example').status === 'failing'
  }, 60_000)
  expect(status('gone.shop.example').reason).toMatch(/^Refused by localhost:\d+: .+\((unauthorized|incorrectResponse)\)\.$/)
  expect(lines.at(-1)).toMatch(/^Error: no certificate for gone\.shop\.example\. Refused by .* Next try at /)
})

it('outlives an authority that answers with errors, slowly, or that forgot everything, its CA included (ABUSE 57)', async () => {
  hosts = ['new.shop.example']
  const first = live()
  pebble.fault = (_method, path) => (path === '/order-plz' ? { status: 429, type: 'rateLimited', detail: 'too many', headers: { 'retry-after': '60' } } : undefined) // prettier-ignore
  await first.acme.pass(first.signal)
  expect(first.status('new.shop.example')).toMatchObject({
    status: 'failing',
    reason: expect.stringContaining('too many (rateLimited).'),
  })
  pebble.fault = (method) => (method === 'POST' ? { status: 500 } : undefined)
  ahead += 3_600_000
  await first.acme.pass(first.signal)
  expect(first.status('new.shop.example').reason).toMatch(
    /too many|The authority localhost:\d+: a fault of the test \(serverInternal\)\./,
  )
  pebble.fault = () => undefined
  await pebble.stop()
  ahead += 3_600_000
  await first.acme.pass(first.signal)
  await pebble.start({ httpPort: router.router.http.port, env: { PEBBLE_VA_NOSLEEP: '0', PEBBLE_VA_SLEEPTIME: '1' } })
  await first.reach(() => first.status('new.shop.example').status === 'cert issued')
  const { chain } = first.certs.automatic().get('new.shop.example')!
  expect(new X509Certificate(chain).checkHost('new.shop.example')).toBe('new.shop.example')
})

it('has an account with an authority that asks for external account binding, and says what is missing without it', async () => {
  const hmacKey = randomBytes(32).toString('base64url')
  await pebble.stop()
  await pebble.start({ httpPort: router.router.http.port, customers: { 'kid-1': hmacKey } })
  hosts = ['bound.shop.example']
  const stranger = live()
  await stranger.reach(() => stranger.status('bound.shop.example').reason?.includes('(externalAccountRequired)'))
  const customer = live({ binding: { kid: 'kid-1', hmacKey } })
  await customer.reach(() => customer.status('bound.shop.example').status === 'cert issued')
})
