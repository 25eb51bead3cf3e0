import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { fakeAuthority } from '../../test/support/fake-authority.ts'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { apiCertificate } from '../api/ca.ts'
import { certs as makeCerts } from '../certs/certs.ts'
import { systemIds as ids } from '../ids.ts'
import { vault as makeVault } from '../secrets/vault.ts'
import { acme as makeAcme } from './acme.ts'
import { Refused } from './authority.ts'
import { makeKey, signingRequest } from './keys.ts'

const DAY_MS = 86_400_000
const HOST = 'www.shop.com'
const DIRECTORY = 'https://ca.test/directory'

vi.setConfig({ testTimeout: 60_000 }) // months of passes, on a machine that may be busy

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'dozen-acme-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** A controller's life: `live()` again is a restart on the same database. */
function world({ domain = 'apps.shop.com', isPublic = true, directory = DIRECTORY as string | null } = {}) {
  const db = shopDb()
  const vault = makeVault(randomBytes(32))
  const clock = fakeClock(Date.parse('2026-11-01T00:00:00Z'))
  const lines: string[] = []
  const logs = { publish: ({ text }: { text: string }) => void lines.push(text) }
  const state = { hosts: [HOST], tokens: {} as Record<string, string>, isRouterUp: true, isReachable: true }
  const ca = fakeAuthority({ now: clock.now, reaches: (token) => (state.isReachable ? state.tokens[token] : undefined) })
  const live = () => {
    const certs = makeCerts({
      db, vault, clock, ids, logs, folder: join(folder, 'certs'), apps: () => [shop],
      domains: () => state.hosts.map((hostname) => ({ hostname, certId: null })), wake: () => {},
    }) // prettier-ignore
    const acme = makeAcme({
      db, vault, clock, logs, directory: directory ?? undefined, isPublic, domain, apps: () => [shop], hosts: () => state.hosts, certs,
      tools: async () => ({ authority: ca.authority, makeKey, signingRequest }),
      publish: async (tokens) => state.isRouterUp && ((state.tokens = tokens), true),
      onError: (_what, cause) => { throw cause },
    }) // prettier-ignore
    return { certs, acme }
  }
  const { signal } = new AbortController()
  const life = live()
  /** Passes, each after the wait that the last one asked for, until `ms` have gone by. */
  async function run(ms: number, { acme } = life): Promise<void> {
    const until = clock.now().getTime() + ms
    for (;;) {
      const wait = await acme.pass(signal)
      const left = until - clock.now().getTime()
      if (left <= 0) return
      await clock.advance(Math.min(wait, left))
    }
  }
  const status = (host = HOST, { acme } = life) => acme.statuses(shop)(host)
  const orders = () => ca.calls.filter((call) => call.startsWith('order')).length
  return { ...life, db, clock, ca, lines, state, live, run, status, orders, signal }
}

describe('a name of an app', () => {
  it('gets a certificate: ordered, proven through the router, handed to the router', async () => {
    const { run, certs, ca, status, lines, state } = world()
    await run(60_000)
    expect(ca.calls.filter((call) => call !== 'look')).toEqual([`order ${HOST}`, 'ask', 'finalize', 'fetch'])
    expect(certs.automatic().get(HOST)).toMatchObject({ appId: shop.id, hosts: [HOST], acmeHost: HOST })
    expect(readFileSync(join(folder, 'certs', `${HOST}.pem`), 'utf8')).toMatch(/PRIVATE KEY[^]*BEGIN CERTIFICATE/)
    expect([status().status, state.tokens]).toEqual(['cert issued', {}])
    expect(lines).toEqual([
      `Ordering a certificate for ${HOST} from ca.test`,
      expect.stringMatching(
        /^Certificate for www\.shop\.com issued, good until 2027-01-30, renewed from 2026-12-(2[6-9]|3\d) on$/,
      ),
    ])
  })

  it('gets the next one at two thirds of its life, with another key, and never one in between', async () => {
    const { run, certs, orders, clock } = world()
    await run(60_000)
    const { chain } = certs.automatic().get(HOST)!
    await run(55 * DAY_MS)
    expect(orders()).toBe(1)
    await run(6 * DAY_MS)
    expect(orders()).toBe(2)
    expect(certs.automatic().get(HOST)!.chain).not.toBe(chain)
    expect(certs.automatic().get(HOST)!.expiresAt.getTime() - clock.now().getTime()).toBeGreaterThan(80 * DAY_MS)
  })

  it('that goes takes its order and its certificate along', async () => {
    const { run, certs, state, ca } = world()
    await run(60_000)
    state.hosts = []
    await run(0)
    certs.sync()
    expect([certs.automatic().size, ca.calls.length]).toEqual([0, ca.calls.length])
    state.hosts = ['new.shop.com']
    await run(0)
    state.hosts = []
    await run(60_000)
    expect(certs.automatic().size).toBe(0)
  })

  it('that its user has a certificate for is left alone until that one expires', async () => {
    const { run, certs, orders, status, clock } = world()
    const { cert, key } = await apiCertificate(folder, [HOST], clock.now())
    certs.add(shop, user, { certificate_chain: cert, private_key: key })
    await run(DAY_MS)
    expect([orders(), status().status]).toEqual([0, null])
    await clock.advance(397 * DAY_MS)
    await run(60_000)
    expect([orders(), status().status]).toEqual([1, 'cert issued'])
  })

  it.each([
    ['*.shop.com', 'certs:add'],
    ['shop.localhost', 'localhost'],
    ['shop.example', 'No public authority issues for example names'],
    ['shop.internal', 'No public authority'],
  ])('%s is never ordered, and says why', async (host, reason) => {
    const { run, state, ca, status } = world()
    state.hosts = [host]
    await run(DAY_MS)
    expect(ca.calls).toEqual([])
    expect(status(host)).toMatchObject({ status: null, reason: expect.stringContaining(reason) })
  })

  it('inside is ordered from an authority of one’s own', async () => {
    const { run, state, status } = world({ isPublic: false })
    state.hosts = ['shop.internal']
    await run(60_000)
    expect(status('shop.internal').status).toBe('cert issued')
  })
})

describe('automatic certificates', () => {
  it('are off on a platform below localhost until they are enabled, and gone once they are disabled', async () => {
    const { run, acme, certs, ca } = world({ domain: 'localhost' })
    await run(DAY_MS)
    expect([acme.isOn(shop), ca.calls]).toEqual([false, []])
    acme.enable(shop, user)
    await run(60_000)
    expect([acme.isOn(shop), certs.automatic().size]).toEqual([true, 1])
    acme.disable(shop, user)
    expect([acme.isOn(shop), certs.automatic().size]).toEqual([false, 0])
  })

  it('cannot be enabled where the platform orders none; what is there stays', async () => {
    const { run, acme, ca } = world({ directory: null })
    await run(DAY_MS)
    expect(() => acme.enable(shop, user)).toThrow('DOZEN_ACME_DIRECTORY is off')
    expect(ca.calls).toEqual([])
  })
})

describe('a name that cannot be proven', () => {
  it('is tried at most five times within an hour', async () => {
    const { run, orders, state } = world()
    state.isReachable = false
    await run(3_600_000)
    expect(orders()).toBeLessThanOrEqual(5)
  })

  it('is tried again after ever longer waits, and says why in one line', async () => {
    const { run, orders, status, lines, state } = world()
    state.isReachable = false
    await run(30_000)
    expect(status()).toMatchObject({ status: 'failing', reason: `Refused by ca.test: ${HOST} does not answer (connection).` })
    expect(lines[1]).toMatch(
      /^Error: no certificate for www\.shop\.com\. Refused by ca\.test: .* Next try at 2026-11-01T00:0\dZ|:\d\dZ$/,
    )
    expect(orders()).toBe(1)
    await run(DAY_MS)
    expect(orders()).toBeGreaterThan(6)
    expect(orders()).toBeLessThan(13)
    await run(7 * DAY_MS)
    expect(orders()).toBeLessThan(40)
    state.isReachable = true
    await run(DAY_MS)
    expect(status()).toMatchObject({ status: 'cert issued', reason: null })
  })

  it('is tried at once when its user asks, but not in a row', async () => {
    const { run, acme, orders, status, state, clock } = world()
    state.isReachable = false
    await run(30_000)
    state.isReachable = true
    for (let i = 0; i < 100; i += 1) {
      acme.refresh(shop)
      await run(0)
    }
    expect(orders()).toBe(1)
    await clock.advance(60_000)
    acme.refresh(shop)
    await run(30_000)
    expect([orders(), status().status]).toEqual([2, 'cert issued'])
  })

  it('keeps the certificate it has, also when that expires', async () => {
    const { run, certs, state, status } = world()
    await run(60_000)
    const { chain } = certs.automatic().get(HOST)!
    state.isReachable = false
    await run(100 * DAY_MS)
    expect(status().status).toBe('failed')
    expect(readFileSync(join(folder, 'certs', `${HOST}.pem`), 'utf8')).toContain(chain.trim())
    expect(certs.automatic().get(HOST)!.chain).toBe(chain)
  })
})

describe('an authority that fails', () => {
  const down = () => new Refused('authority', 'it cannot be reached (ECONNREFUSED)')

  it('is left alone for a while, whatever the number of names, and asked ever more rarely', async () => {
    const { run, ca, state, status, lines } = world()
    state.hosts = Array.from({ length: 50 }, (_, i) => `h${i}.shop.com`)
    ca.fail(...Array.from({ length: 10_000 }, down))
    await run(DAY_MS)
    expect(ca.calls.length).toBeLessThan(40)
    expect(ca.calls.length).toBeGreaterThan(20)
    for (const host of ['h0.shop.com', 'h49.shop.com'])
      expect(status(host)).toMatchObject({ status: 'failing', reason: 'The authority ca.test: it cannot be reached (ECONNREFUSED).' }) // prettier-ignore
    expect(lines.filter((line) => line.startsWith('Error')).length).toBe(ca.calls.length)
    ca.fail()
    await run(2 * 3_600_000)
    expect(status('h49.shop.com').status).toBe('cert issued')
  })

  it('gets the pause it asks for', async () => {
    const { run, ca, orders } = world()
    ca.fail(new Refused('authority', 'it answered 503', 6 * 3_600_000))
    await run(5.9 * 3_600_000)
    expect(orders()).toBe(1)
    await run(0.2 * 3_600_000)
    expect(orders()).toBe(2)
  })

  it('with a rate limit slows all names down, and the one it names for as long as it says', async () => {
    const { run, ca, state, status, orders } = world()
    state.hosts = ['a.shop.com', 'b.shop.com']
    ca.fail(new Refused('rate', 'too many certificates already issued (rateLimited)', 3 * 3_600_000))
    await run(50_000)
    expect(orders()).toBe(1)
    await run(10 * 60_000)
    expect([orders(), status('b.shop.com').status, status('a.shop.com').status]).toEqual([2, 'cert issued', 'failing'])
    await run(2.5 * 3_600_000)
    expect(orders()).toBe(2)
    await run(3_600_000)
    expect(status('a.shop.com').status).toBe('cert issued')
  })

  it('and forgets the order is given a new one later', async () => {
    const { run, ca, acme, signal, status } = world()
    await acme.pass(signal)
    ca.forget()
    await run(3_600_000)
    expect(status().status).toBe('cert issued')
  })

  it('whose certificate is due at once by our clock is not asked again and again', async () => {
    const { run, ca, orders, status } = world()
    ca.live(-1)
    await run(DAY_MS)
    expect(orders()).toBeLessThan(12)
    ca.live(90)
    await run(DAY_MS)
    expect(status().status).toBe('cert issued')
  })
})

it('an order that another authority was asked for is given up for a new one', async () => {
  const { run, ca, acme, signal, status, state, orders } = world()
  state.hosts = [HOST, 'b.shop.com']
  await acme.pass(signal)
  const { look } = ca.authority
  const foreign = 'https://ca.test/order/1'
  ca.authority.look = (url) => (url === foreign ? Promise.reject(new Refused('authority', 'no such account (unauthorized)')) : look(url)) // prettier-ignore
  await run(DAY_MS)
  expect([status().status, status('b.shop.com').status, orders()]).toEqual(['cert issued', 'cert issued', 3])
})

it('a clock that jumped far ahead and back again holds nothing up for longer than a day', async () => {
  const { run, ca, clock, state, status } = world()
  await clock.advance(3650 * DAY_MS)
  state.isReachable = false
  ca.fail(new Refused('authority', 'it answered 500', DAY_MS))
  await run(60_000)
  await clock.advance(-3650 * DAY_MS)
  state.isReachable = true
  await run(DAY_MS)
  expect(status().status).toBe('cert issued')
})

it('an order that a kill cut short anywhere is taken up where it was', async () => {
  for (let cut = 1; cut <= 6; cut += 1) {
    const { run, live, ca, status, orders, certs, state } = world()
    const before = Object.entries(ca.authority)
    let left = cut
    // The controller dies at the n-th call: after the authority acted, before anything was written down.
    for (const [name, act] of before)
      Object.assign(ca.authority, {
        [name]: async (...args: never[]) => {
          const answer: unknown = await (act as (...args: never[]) => Promise<unknown>)(...args)
          return --left === 0 ? new Promise(() => {}) : answer
        },
      })
    await Promise.race([run(120_000), new Promise((resolve) => setImmediate(() => setImmediate(resolve)))])
    Object.assign(ca.authority, Object.fromEntries(before))
    state.tokens = {}
    const next = live()
    await run(120_000, next)
    expect([cut, status(HOST, next).status, certs.automatic().size]).toEqual([cut, 'cert issued', 1])
    expect(orders(), `orders after a kill at call ${cut}`).toBeLessThanOrEqual(2)
  }
})

it('waits for the router before it has the authority look', async () => {
  const { run, ca, state, status } = world()
  state.isRouterUp = false
  await run(10 * 60_000)
  expect(ca.calls).not.toContain('ask')
  state.isRouterUp = true
  await run(60_000)
  expect(status().status).toBe('cert issued')
})
