import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import express from 'express'
import { afterAll, expect, it } from 'vitest'
import { accounts as makeAccounts } from '../../server/accounts/accounts.ts'
import { api } from '../../server/api/api.ts'
import { attempts } from '../../server/api/attempts.ts'
import { jobs } from '../../server/api/jobs.ts'
import { rateLimit } from '../../server/api/rate.ts'
import { sources } from '../../server/api/sources.ts'
import { apps } from '../../server/apps/apps.ts'
import { checkDisk } from '../../server/builds/disk.ts'
import { builds } from '../../server/builds/builds.ts'
import { spool } from '../../server/builds/spool.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { parseConfig, SETTINGS, type Setting } from '../../server/config.ts'
import { disk } from '../../server/disk/keeping.ts'
import { tooLarge } from '../../server/git/body.ts'
import { smartHttp } from '../../server/git/smart-http.ts'
import { systemIds as ids } from '../../server/ids.ts'
import { logSessions } from '../../server/logs/sessions.ts'
import { runs } from '../../server/runs/runs.ts'
import { vault } from '../../server/secrets/vault.ts'
import { apiWorld } from '../support/api-world.ts'
import { tarOf } from '../support/building.ts'
import { shop, shopDb, user } from '../support/memory.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-bounds-'))
const world = await apiWorld()
afterAll(() => {
  world.close()
  rmSync(folder, { recursive: true })
})

const never = new AbortController().signal
const forEver = () => new Promise<never>(() => {})
const logs = { publish: () => {} }
/** The message that `work` fails with, at once or later. */
const saidBy = async (work: () => unknown) => {
  try {
    await work()
  } catch (cause) {
    return (cause as Error).message
  }
  return 'nothing: it went well'
}
async function listening(handler: Parameters<typeof createServer>[1]) {
  const server = createServer(handler).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.closeAllConnections() }
}

const source = { head: () => 0, read: forEver } as never
const sessions = () => logSessions({ stream: source, clock, ids, vault: vault(Buffer.alloc(32)), isKnown: () => true, maxPerApp: 2 }) // prettier-ignore
const read = (all: ReturnType<typeof sessions>) => all.serve(all.create('a', {}).secret, { form: 'text', signal: never, write: () => {} }) // prettier-ignore
const uploads = () => sources({ folder: join(folder, 'sources'), maxBytes: 7, maxPerUser: 2, clock, ids })
const release = { id: 'r', version: 4, source: { processTypes: {} } } as never
const noRooms = {} as never

/** Each limit that a user meets: the number and the setting that its message names, and how it is met. */
const LIMITS: readonly (readonly [what: string, setting: Setting, number: string, meet: () => Promise<string>])[] = [
  ['the body of a request', 'DOZEN_BODY_LIMIT', '700', async () => {
    const { url, close } = await listening(api({ ...world.deps, limits: { requestsPerMinute: 100, bodyBytes: 700 } }))
    const body = JSON.stringify({ name: 'x'.repeat(800) })
    const headers = { authorization: `Bearer ${world.tokens.owner}`, 'content-type': 'application/json' }
    const { message } = (await (await fetch(`${url}/apps`, { method: 'POST', headers, body })).json()) as { message: string }
    return (close(), message)
  }],
  ['requests of an account', 'DOZEN_API_RATE', '2', async () => {
    const rate = rateLimit({ clock, burst: 2, perMinute: 2 })
    return saidBy(() => [1, 2, 3].map(() => rate.take('u')))
  }],
  ['wrong tokens of an address', 'DOZEN_LOGIN_RATE', '2', async () => {
    const all = attempts({ clock, perMinute: 2 })
    return saidBy(() => [1, 2, 3].map(() => all.wrong('192.0.2.1')))
  }],
  ['apps of an account', 'DOZEN_MAX_APPS', '2', async () => {
    const db = shopDb()
    makeAccounts({ db, clock, ids })
    const all = apps({ db, clock, ids, wake: () => {}, prepare: () => {}, clean: async () => {}, initialRelease: () => {}, mayUse: () => true, maxPerUser: 2 })
    return saidBy(() => [1, 2].map(() => all.create(user, {})))
  }],
  ['one-off dynos of an app', 'DOZEN_MAX_RUNS', '0', async () => {
    const all = runs({ db: shopDb(), clock, ids, logs, instance: 'i', current: () => release, maxPerApp: 0, timeoutMs: 1, engine: noRooms, network: forEver, spec: noRooms, collect: () => {}, finished: forEver, onError: () => {} })
    return saidBy(() => all.start(shop, user, { command: 'ls', attach: false, env: {}, tty: false, exitStatus: false }))
  }],
  ['readers of the logs of an app', 'DOZEN_MAX_LOG_SESSIONS', '2', async () => {
    const all = sessions()
    for (const _ of [1, 2]) read(all).catch(() => {})
    return saidBy(() => read(all))
  }],
  ['a pushed pack', 'DOZEN_SOURCE_LIMIT', '7', async () => tooLarge(7)],
  ['a source tree', 'DOZEN_SOURCE_LIMIT', '700', async () => {
    const tree = await tarOf({ big: 'x'.repeat(1000) })
    return saidBy(() => spool(Readable.from([tree]), { limitBytes: 700, signal: never, isUpload: false }))
  }],
  ['an upload', 'DOZEN_SOURCE_LIMIT', '7', async () => {
    const all = uploads()
    const { secret } = all.create('u')
    return saidBy(() => all.put(secret, Readable.from([Buffer.alloc(8)])))
  }],
  ['uploads that wait', 'DOZEN_MAX_SOURCES', '2', async () => {
    const all = uploads()
    return saidBy(() => [1, 2, 3].map(() => all.create('u')))
  }],
  ['builds of an app that wait', 'DOZEN_MAX_BUILDS', '1', async () => {
    const all = jobs({ deploys: { deploy: forEver } as never, clock, ids, onError: () => {}, maxPerApp: 1 })
    return saidBy(() => [1, 2].map(() => all.build(shop, user, { ref: 'nginx', version: '' })))
  }],
  ['pushes and fetches', 'DOZEN_MAX_TRANSFERS', '0', async () => {
    const git = smartHttp({ accounts: noRooms, findApp: () => shop, repoOf: () => folder, hooksFolder: folder, announce: noRooms, expectPush: () => {}, callerOf: () => noRooms, path: '', maxPackBytes: 7, maxExchanges: 0, clock })
    const { url, close } = await listening(express().use(git))
    const text = await (await fetch(`${url}/shop.git/git-upload-pack`, { method: 'POST' })).text()
    return (close(), text)
  }],
  ['builds side by side', 'DOZEN_BUILDS_AT_ONCE', '1', async () => {
    const builder = { build: forEver, prepare: () => {}, clear: async () => {}, removeLeftovers: async () => {}, dropCache: async () => {} }
    const all = builds({ db: shopDb(), clock, ids, logs, builder, atOnce: 1, config: () => ({}), isKnown: () => true })
    const said: string[] = []
    for (const _ of [1, 2]) {
      const from = { tar: Readable.from([]), commit: 'c' }
      all.run(all.enqueue(shop, user, from), { app: shop, user, source: from }, { signal: never, log: (line) => said.push(line) }).catch(() => {})
    }
    return said.join()
  }],
  ['the disk, by a build', 'DOZEN_DISK_RESERVE', '5', async () => saidBy(() => checkDisk(5 * 1024 ** 2, async () => 1))],
  ['the disk, by an upload', 'DOZEN_DISK_RESERVE', String(2 ** 43), async () => {
    const all = disk({ reposFolder: folder, clock, limits: { reserveBytes: 2 ** 63 } } as never)
    return saidBy(all.checkRoom)
  }],
] // prettier-ignore

it.each(LIMITS)('the limit of %s is %s, which its message names with the number %s', async (_what, setting, number, meet) => {
  const message = await meet()
  expect(message).toContain(setting)
  expect(message).toMatch(new RegExp(`\\b${number}\\b`))
  expect(SETTINGS[setting].default).toMatch(/\d/)
})

it('every setting of a limit is in the table, or is met where its own test says', () => {
  const limits = Object.keys(SETTINGS).filter((name) => /_(LIMIT|MAX_\w+|RATE|RESERVE|AT_ONCE|MEMORY|FILES)$|_MAX_/.test(name))
  /** What is not refused but cut back, ended or held by the kernel; and where that is shown. */
  const elsewhere: Record<string, string> = {
    DOZEN_BUILD_MEMORY: 'test/docker/dockerfile-steps.test.ts',
    DOZEN_BUILDPACK_LIMIT: 'server/buildpacks/buildpacks.test.ts',
    DOZEN_CACHE_LIMIT: 'server/disk/trim.test.ts',
    DOZEN_CPU_LIMIT: 'server/limits/limits.test.ts',
    DOZEN_LOG_LIMIT: 'server/logs/store.test.ts',
    DOZEN_MEMORY_LIMIT: 'test/e2e/processes.test.ts',
    DOZEN_OPEN_FILES: 'test/e2e/hardening.test.ts',
    DOZEN_REPO_LIMIT: 'test/e2e/hardening.test.ts',
  }
  const tabled = new Set<string>([...LIMITS.map(([, setting]) => setting), ...Object.keys(elsewhere)])
  expect(limits.filter((name) => !tabled.has(name))).toEqual([])
})

it.each([
  ['DOZEN_CPU_LIMIT', '0.01', '0', 'many'],
  ['DOZEN_OPEN_FILES', '10', '9999999', 'x'],
  ['DOZEN_MAX_SOURCES', '0', '-1', 'x'],
])('%s refuses %s, %s and %s', (name, ...values) => {
  for (const value of values) expect(() => parseConfig({ [name]: value })).toThrow(name)
})

it('a source takes one upload at a time: many would be bounded by nothing together', async () => {
  const all = uploads()
  const { secret } = all.create('u')
  const slow = new PassThrough()
  slow.write('123')
  const first = all.put(secret, slow)
  await expect(all.put(secret, Readable.from(['x']))).rejects.toMatchObject({ code: 'conflict' })
  slow.end('4')
  await first
  await all.put(secret, Readable.from([Buffer.from('again')]))
  expect(await all.sha256(secret)).toHaveLength(64)
})

it('whoever makes too many requests is told in RateLimit-Remaining that none is left', async () => {
  const { url, close } = await listening(api({ ...world.deps, limits: { requestsPerMinute: 2, bodyBytes: 700 } }))
  const ask = async () => {
    const { status, headers } = await fetch(`${url}/apps`, { headers: { authorization: `Bearer ${world.tokens.owner}` } })
    return [status, headers.get('ratelimit-remaining')]
  }
  expect([await ask(), await ask(), await ask()]).toEqual([
    [200, '1'],
    [200, '0'],
    [429, '0'],
  ])
  close()
})
