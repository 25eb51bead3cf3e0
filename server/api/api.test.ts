import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDb } from '../../db/open.ts'
import { accounts as makeAccounts } from '../accounts/accounts.ts'
import { collaborators as makeCollaborators } from '../accounts/collaborators.ts'
import { keys } from '../accounts/keys.ts'
import { apps as makeApps } from '../apps/apps.ts'
import { systemClock as clock } from '../clock.ts'
import { buildpacks as makeBuildpacks } from '../buildpacks/buildpacks.ts'
import { drains as makeDrains } from '../drains/drains.ts'
import { certs as makeCerts } from '../certs/certs.ts'
import { checks as makeChecks } from '../checks/checks.ts'
import { configVars as makeConfigVars } from '../config-vars/config-vars.ts'
import { domains as makeDomains } from '../domains/domains.ts'
import { formations } from '../formation/formations.ts'
import { systemIds as ids } from '../ids.ts'
import { pipelines } from '../pipelines/pipelines.ts'
import { releases as makeReleases } from '../releases/releases.ts'
import { vault as makeVault } from '../secrets/vault.ts'
import { api, routes, type ApiDeps } from './api.ts'
import { jobs as makeJobs } from './jobs.ts'
import { sources } from './sources.ts'
import { streams } from './streams.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-api-'))
const lines: string[] = []

/** The real rooms on SQLite; only what would need the engine (deploys, runs, dynos) is played. */
function world() {
  const db = openDb(':memory:')
  const vault = makeVault(randomBytes(32))
  const logs = { publish: ({ text }: { text: string }) => void lines.push(text) }
  const wake = () => {}
  const accounts = makeAccounts({ db, clock, ids })
  const collaborators = makeCollaborators({ db, clock, ids, findAccount: accounts.findByEmailOrId })
  const releases = makeReleases({ db, clock, ids, vault, logs, hasImage: async () => true, keep: 10, wake })
  const apps = makeApps({
    db, clock, ids, wake, prepare: () => {}, clean: async () => {}, initialRelease: (appId, user) => void releases.initial(appId, user),
    mayUse: (account, app) => collaborators.permissions(account, app).length > 0,
  }) // prettier-ignore
  const deploys: ApiDeps['useCases']['deploys'] = {
    async deploy(app, user, source, io) {
      const sent = 'tar' in source ? (await source.tar.toArray()).length : 0
      io.log(`built ${sent > 0 ? 'something' : 'nothing'}`)
      const image = {
        image: 'sha256:1',
        imageKind: 'buildpack' as const,
        port: null,
        processTypes: { web: 'node .' },
        commit: null,
      }
      const made = releases.deploy(
        app.id,
        user,
        { ...image, buildId: 'buildId' in source ? (source.buildId ?? null) : null },
        'Deploy 1',
      )
      releases.settle(made, 'succeeded', {})
      return releases.findVersion(app.id, made.version)!
    },
  }
  const formation = formations({
    db,
    clock,
    ids,
    logs,
    newest: (id) => releases.newest(id, ['pending', 'succeeded']),
    current: releases.current,
    wake,
  })
  const useCases = {
    apps, releases, deploys, configVars: makeConfigVars({ releases }), builds: { list: () => [] },
    domains: makeDomains({ db, clock, ids, logs, baseDomain: 'localhost', apiHost: '127.0.0.1', wake }),
    formation: { ...formation, dynos: async () => [] },
    checks: makeChecks({ db, logs, wake }),
    certs: makeCerts({ db, vault, clock, ids, logs, folder: join(folder, 'certs'), apps: apps.all, hosts: () => [] }),
    drains: makeDrains({ db, vault, clock, ids, stream: { ...logs, head: () => 0, forwards: () => [] }, isInsideAllowed: false }),
    buildpacks: makeBuildpacks({ db, logs, mayUseHost: () => false }),
    runs: {
      start: async () => ({ id: ids.uuid(), name: 'run.1', number: 1, version: 2, command: 'ls', state: 'starting', exitCode: null, secret: 's', createdAt: clock.now(), updatedAt: clock.now() }),
      attach: async () => true, resize: async () => {},
    },
  } as unknown as ApiDeps['useCases'] // prettier-ignore
  const jobs = makeJobs({ deploys, clock, ids, onError: () => {} })
  const deps: ApiDeps = {
    useCases, accounts, collaborators, keys: keys({ db, clock, ids }), pipelines: pipelines({ db, clock, ids }), jobs, db, vault, clock, ids,
    streams: streams({ clock, jobs, buildOutput: () => ({ lines: [], isOver: true }), releaseOutput: async () => ({ lines: [], isOver: true }) }),
    sources: sources({ folder: join(folder, 'sources'), maxBytes: 1024 * 1024, clock, ids }),
    logSessions: { create: () => ({ id: ids.uuid(), secret: 's' }) }, serveLogs: async () => {}, git: (_req, _res, next) => next(),
    hostNames: () => ['127.0.0.1', 'localhost'], webUrl: (app) => `http://${app.name}.localhost/`, instance: 'i', log: (_id, cause) => void faults.push(cause),
  } // prettier-ignore
  return { deps, accounts, releases, db }
}

const faults: unknown[] = []
let server: Server
let url: string
let it_: ReturnType<typeof world>
const tokens = { owner: '', foreign: '', reader: '', expired: '', bob: '' }

beforeAll(async () => {
  it_ = world()
  server = createServer(api(it_.deps)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { accounts, db } = it_
  accounts.admin()
  const owner = accounts.create({ email: 'owner@example.com' })
  const foreign = accounts.create({ email: 'foreign@example.com' })
  const bob = accounts.create({ email: 'bob@example.com' })
  const expired = accounts.createToken(owner.account.id, { expiresIn: 60 })
  db.prepare('UPDATE tokens SET expires_at = ? WHERE id = ?').run('2020-01-01T00:00:00Z', expired.token.id)
  const reader = accounts.createToken(owner.account.id, { scope: ['read'] })
  Object.assign(tokens, {
    owner: owner.secret,
    foreign: foreign.secret,
    bob: bob.secret,
    expired: expired.secret,
    reader: reader.secret,
  })
  await call('POST', '/apps', { name: 'shop' })
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

async function call(
  method: string,
  path: string,
  body?: unknown,
  { token = tokens.owner, headers = {} as Record<string, string>, raw = undefined as Buffer | string | undefined } = {},
) {
  const answer = await fetch(url + path, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(raw !== undefined ? { body: raw } : body !== undefined && { body: JSON.stringify(body) }),
  }) // prettier-ignore
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : undefined) as any } // eslint-disable-line @typescript-eslint/no-explicit-any
}

describe('every route', () => {
  const anything: object = new Proxy(() => {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything) })
  const all = routes(anything as never).map(({ method, path, scope }) => ({
    method: method.toUpperCase(),
    path: path.replace(':app', 'shop').replace(/:\w+/g, 'x'),
    scope,
  }))

  it.each(all)('$method $path wants a token that is known and not expired', async ({ method, path }) => {
    expect(await call(method, path, undefined, { token: '' })).toMatchObject({ status: 401, body: { id: 'unauthorized' } })
    expect(await call(method, path, undefined, { token: 'dzn_wrong' })).toMatchObject({ status: 401 })
    expect(await call(method, path, undefined, { token: tokens.expired })).toMatchObject({ status: 401 })
  })
  it.each(all.filter(({ scope }) => scope !== 'read' && scope !== 'identity'))(
    '$method $path refuses a token that may only read',
    async ({ method, path }) => {
      expect(await call(method, path, method === 'GET' ? undefined : {}, { token: tokens.reader })).toMatchObject({
        status: 403,
        body: { id: 'forbidden' },
      })
    },
  )
  it.each(all.filter(({ path }) => path.startsWith('/apps/shop')))(
    "$method $path hides somebody else's app",
    async ({ method, path }) => {
      const answer = await call(method, path, method === 'GET' ? undefined : {}, { token: tokens.foreign })
      expect(answer).toMatchObject({
        status: 404,
        body: { id: 'not_found', message: "Couldn't find that app.", resource: 'app' },
      })
    },
  )
  it.each(all)('$method $path answers nonsense with a sentence and never with 500', async ({ method, path }) => {
    if (method === 'DELETE' && path === '/apps/shop') return
    const answer = await call(
      method,
      path,
      method === 'GET'
        ? undefined
        : { name: {}, app: [], user: 3, updates: [null], hostname: 4, targets: [null], in: 3, plan: [] },
    )
    expect(answer.status, JSON.stringify(answer.body) + String(faults.at(-1))).toBeLessThan(500)
    if (answer.status >= 400)
      expect(answer.body).toMatchObject({ id: expect.any(String), message: expect.stringMatching(/\.$|taken$/) })
  })
})

describe('what comes in', () => {
  it('is refused when it does not say that it is JSON', async () => {
    const answer = await call('POST', '/apps', undefined, {
      raw: 'name=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(answer).toMatchObject({ status: 400, body: { id: 'bad_request' } })
  })
  it.each([
    ['half JSON', '{"name":'],
    ['a list', '[1]'],
    ['deep nesting', `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
    ['__proto__', '{"__proto__":{"name":"x"}}'],
    ['half a surrogate pair', '{"name":"\\ud800"}'],
    ['an endless number', '{"name":1e999}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
  ])('is refused when it is %s', async (_, raw) => {
    expect(await call('POST', '/apps', undefined, { raw, headers: { 'content-type': 'application/json' } })).toMatchObject({
      status: 400,
      body: { id: 'bad_request' },
    })
  })
  it('is refused above 1 MiB, packed or not', async () => {
    const big = JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) })
    const json = { 'content-type': 'application/json' }
    expect(await call('POST', '/apps', undefined, { raw: big, headers: json })).toMatchObject({ status: 413 })
    expect(
      await call('POST', '/apps', undefined, { raw: gzipSync(big), headers: { ...json, 'content-encoding': 'gzip' } }),
    ).toMatchObject({ status: 413 })
  })
  it('is refused under a host name that is not ours', async () => {
    const { request } = await import('node:http')
    const status = await new Promise((resolve) =>
      request(`${url}/apps`, { headers: { host: 'evil.example' } }, (res) => resolve(res.statusCode)).end(),
    )
    expect(status).toBe(403)
  })
  it('takes no token from the URL', async () =>
    expect(await call('GET', `/account?token=${tokens.owner}`, undefined, { token: '' })).toMatchObject({ status: 401 }))
})

describe('what goes out', () => {
  it('is 304 for who holds it already', async () => {
    const first = await call('GET', '/apps/shop')
    const again = await call('GET', '/apps/shop', undefined, { headers: { 'if-none-match': first.headers.get('etag')! } })
    expect(again.status).toBe(304)
  })
  it('carries the request id and what is left of the rate', async () => {
    const { headers } = await call('GET', '/apps', undefined, { headers: { 'request-id': 'abc,def' } })
    expect(headers.get('request-id')).toBe('abc,def')
    expect(Number(headers.get('ratelimit-remaining'))).toBeGreaterThan(0)
  })
  it('is cut into pages, newest first when asked, until there is no more', async () => {
    for (let n = 0; n < 5; n++) await call('PATCH', '/apps/shop/config-vars', { [`PAGE_${n}`]: 'x' })
    const seen: number[] = []
    let range: string | null = 'version ..; order=desc, max=2'
    while (range) {
      const answer = await call('GET', '/apps/shop/releases', undefined, { headers: { range } })
      seen.push(...answer.body.map((release: { version: number }) => release.version))
      range = answer.headers.get('next-range')
      expect(answer.status).toBe(range ? 206 : 200)
    }
    expect(seen.length).toBeGreaterThanOrEqual(6)
    expect(seen).toEqual(seen.toSorted((a, b) => b - a))
  })
})

describe('an Idempotency-Key', () => {
  it('makes a repeated call answer as the first did, and do nothing', async () => {
    const headers = { 'idempotency-key': 'k1' }
    const first = await call('PATCH', '/apps/shop/config-vars', { ONCE: '1' }, { headers })
    const newest = it_.releases.list((await call('GET', '/apps/shop')).body.id).length
    await call('PATCH', '/apps/shop/config-vars', { ONCE: '2' })
    const again = await call('PATCH', '/apps/shop/config-vars', { ONCE: '1' }, { headers })
    expect(again).toMatchObject({ status: first.status, body: first.body })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(it_.releases.list((await call('GET', '/apps/shop')).body.id)).toHaveLength(newest + 1)
  })
  it('creates once when two calls come together', async () => {
    const options = { headers: { 'idempotency-key': 'k2' } }
    const both = await Promise.all([call('POST', '/apps', {}, options), call('POST', '/apps', {}, options)])
    expect(both[0].body.id).toBe(both[1].body.id)
  })
  it('is refused for another request', async () => {
    expect(await call('PATCH', '/apps/shop/config-vars', { OTHER: '1' }, { headers: { 'idempotency-key': 'k1' } })).toMatchObject(
      { status: 422 },
    )
  })
  it('keeps no answer in the clear', async () => {
    await call('PATCH', '/apps/shop/config-vars', { CANARY: 'canary-7731' }, { headers: { 'idempotency-key': 'k3' } })
    const rows = it_.db.prepare<[], { sealed: Buffer }>('SELECT sealed FROM answers WHERE sealed IS NOT NULL').all()
    expect(rows.every(({ sealed }) => !sealed.includes('canary-7731'))).toBe(true)
  })
  it('of a call that a crash cut short is refused: nobody knows how far it came', async () => {
    await call('PATCH', '/apps/shop/config-vars', { HALF: '1' }, { headers: { 'idempotency-key': 'k4' } })
    it_.db.prepare("UPDATE answers SET status = NULL, sealed = NULL WHERE key = 'k4'").run()
    expect(await call('PATCH', '/apps/shop/config-vars', { HALF: '1' }, { headers: { 'idempotency-key': 'k4' } })).toMatchObject({
      status: 409,
    })
  })
})

describe('collaborators', () => {
  it('may do what they were given and no more', async () => {
    expect(await call('POST', '/apps/shop/collaborators', { user: 'bob@example.com', permissions: ['view'] })).toMatchObject({
      status: 201,
    })
    const bob = { token: tokens.bob }
    expect(await call('GET', '/apps/shop', undefined, bob)).toMatchObject({ status: 200 })
    expect(await call('PATCH', '/apps/shop/config-vars', { A: '1' }, bob)).toMatchObject({ status: 403 })
    await call('PATCH', '/apps/shop/collaborators/bob@example.com', { permissions: ['operate'] })
    expect(await call('PATCH', '/apps/shop/config-vars', { A: '1' }, bob)).toMatchObject({ status: 200 })
    expect(await call('DELETE', '/apps/shop', undefined, bob)).toMatchObject({ status: 403 })
    expect(await call('POST', '/apps/shop/collaborators', { user: 'foreign@example.com' }, bob)).toMatchObject({ status: 403 })
    expect(await call('DELETE', '/apps/shop/collaborators/bob@example.com', undefined, bob)).toMatchObject({ status: 200 })
    expect(await call('GET', '/apps/shop', undefined, bob)).toMatchObject({ status: 404 })
  })
})

describe('a deploy without git', () => {
  it('takes an uploaded tree, answers at once, and streams its output to an address that needs no token', async () => {
    const { source_blob: blob } = (await call('POST', '/apps/shop/sources')).body
    expect((await call('POST', '/apps/shop/builds', { source_blob: { url: blob.get_url } })).status).toBe(422)
    expect((await fetch(blob.put_url, { method: 'PUT', body: gzipSync(Buffer.alloc(2048)) })).status).toBe(200)
    const build = await call('POST', '/apps/shop/builds', { source_blob: { url: blob.get_url, version: 'v1' } })
    expect(build).toMatchObject({ status: 201, body: { status: 'pending' } })
    expect(await (await fetch(build.body.output_stream_url)).text()).toBe('built something\n')
    expect((await fetch(`${build.body.output_stream_url}0`)).status).toBe(404)
    const releases = await call('GET', '/apps/shop/releases')
    const made = releases.body.find((release: { slug: { id: string } | null }) => release.slug?.id === build.body.id)
    expect(made).toBeDefined()
    expect(await call('GET', `/apps/shop/slugs/${build.body.id}`)).toMatchObject({
      status: 200,
      body: { process_types: { web: 'node .' } },
    })
  })
  it('refuses an upload above the limit', async () => {
    const { source_blob: blob } = (await call('POST', '/sources')).body
    const answer = await fetch(blob.put_url, { method: 'PUT', body: Buffer.alloc(2 * 1024 * 1024, 1) }).catch(() => ({
      status: 413,
    }))
    expect(answer.status).toBe(413)
  })
})

it('promotes what runs in one stage to the apps of another', async () => {
  const target = (await call('POST', '/apps', { name: 'shop-prod' })).body
  const pipeline = (await call('POST', '/pipelines', { name: 'shops' })).body
  await call('POST', '/pipeline-couplings', { app: 'shop', pipeline: pipeline.id, stage: 'staging' })
  await call('POST', '/pipeline-couplings', { app: 'shop-prod', pipeline: pipeline.id, stage: 'production' })
  const source = (await call('GET', '/apps/shop')).body
  const made = await call('POST', '/pipeline-promotions', {
    pipeline: { id: pipeline.id },
    source: { app: { id: source.id } },
    targets: [{ app: { id: target.id } }],
  })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  await expect
    .poll(async () => (await call('GET', `/pipeline-promotions/${made.body.id}/promotion-targets`)).body[0].status)
    .toBe('succeeded')
  expect((await call('GET', '/pipelines?eq[name]=shops')).body).toHaveLength(1)
  expect((await call('GET', '/pipelines', undefined, { token: tokens.foreign })).body).toEqual([])
})

describe('the published schema', () => {
  const file = new URL('../../test/fixtures/schema/platform-api-schema.json', import.meta.url)
  const { $schema: _, id: _id, ...schema } = JSON.parse(readFileSync(file, 'utf8')) // a dialect of its own that only adds to draft 4
  const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }))
  // Heroku's own host names, and a host name that its schema calls a URI
  delete schema.definitions.app.definitions.git_url.pattern
  delete schema.definitions.app.definitions.web_url.pattern
  delete schema.definitions.domain.definitions.hostname.format
  ajv.addSchema({ ...schema, $id: 'platform' })
  beforeAll(async () => {
    const { useCases, accounts } = it_.deps
    const owner = accounts.findByEmailOrId('owner@example.com')!
    const app = useCases.apps.create(owner, { name: 'coupled' })
    const pipeline = it_.deps.pipelines.create(owner, 'a-line')
    it_.deps.pipelines.couple(pipeline, app, 'staging')
    const image = {
      image: 'sha256:1',
      imageKind: 'buildpack' as const,
      port: null,
      processTypes: { web: 'node .' },
      buildId: null,
      commit: null,
    }
    const shop = useCases.apps.find(owner, 'shop')
    await useCases.deploys.deploy(
      shop,
      owner,
      { image, description: 'x' },
      { signal: new AbortController().signal, log: () => {} },
    )
  })
  const ofResource = (name: string) => ajv.compile({ $ref: `platform#/definitions/${name}` })
  const ed25519 = `ssh-ed25519 ${Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.from([0, 0, 0, 32]), randomBytes(32)]).toString('base64')} me@x`
  const cases: [string, string, string, unknown?][] = [
    ['account', 'GET', '/account'], ['app', 'GET', '/apps'], ['app', 'GET', '/apps/shop'], ['release', 'GET', '/apps/shop/releases'],
    ['formation', 'GET', '/apps/shop/formation'], ['formation', 'PATCH', '/apps/shop/formation', { updates: [{ type: 'web', quantity: '2' }] }],
    ['dyno', 'POST', '/apps/shop/dynos', { command: 'ls', attach: true }], ['domain', 'GET', '/apps/shop/domains'], ['domain', 'POST', '/apps/shop/domains', { hostname: 'shop.example.com' }],
    ['collaborator', 'GET', '/apps/shop/collaborators'], ['key', 'POST', '/account/keys', { public_key: ed25519 }], ['key', 'GET', '/account/keys'],
    ['oauth-authorization', 'POST', '/oauth/authorizations', { description: 'x', scope: ['read'] }], ['oauth-authorization', 'GET', '/oauth/authorizations'],
    ['region', 'GET', '/regions'], ['stack', 'GET', '/stacks'], ['dyno-size', 'GET', '/dyno-sizes'], ['rate-limit', 'GET', '/account/rate-limits'],
    ['source', 'POST', '/sources'], ['log-session', 'POST', '/apps/shop/log-sessions', {}], ['pipeline', 'GET', '/pipelines'], ['pipeline-coupling', 'GET', '/pipeline-couplings'],
    ['config-var', 'GET', '/apps/shop/config-vars'],
  ] // prettier-ignore
  it.each(cases)('holds for %s: %s %s', async (name, method, path, body) => {
    if (name === 'config-var')
      return expect(Object.values((await call(method, path)).body).every((value) => typeof value === 'string')).toBe(true)
    const answer = await call(method, path, body)
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
    const valid = ofResource(name)
    const items = Array.isArray(answer.body) ? answer.body : [answer.body]
    expect(items.length).toBeGreaterThan(0)
    for (const item of items)
      expect(
        valid(item),
        `${JSON.stringify(valid.errors?.map((e) => [e.instancePath, e.message, e.params]))} ${JSON.stringify(item)}`,
      ).toBe(true)
  })
})
