import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { apiWorld } from '../../test/support/api-world.ts'
import { api, routes } from './api.ts'

const it_ = await apiWorld()
const { call, tokens, faults, url } = it_
afterAll(it_.close)

/** A release with a web process. */
const deployed = () => {
  const { useCases, accounts } = it_.deps
  const owner = accounts.findByEmailOrId('owner@example.com')!
  const image = { image: 'sha256:1', imageKind: 'buildpack', port: null, processTypes: { web: 'node .' }, buildId: null, commit: null } as const // prettier-ignore
  const io = { signal: new AbortController().signal, log: () => {} }
  return useCases.deploys.deploy(useCases.apps.find(owner, 'shop'), owner, { image, description: 'x' }, io)
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

/** Served without a token: they tell nothing of anybody, or hold their own right in the address. */
const OPEN = [
  'GET /health',
  'GET /buildpacks/:name',
  'GET /api/v4/current-status',
  'GET /schema',
  'GET /logs/:secret',
  'GET /streams/:kind/:app/:id/:mac',
  'PUT /sources/:secret',
]

/** Guarded as the table's routes are, but no JSON. */
const GUARDED = ['GET /metrics']

it.each(GUARDED)('%s wants a token that may read, too', async (route) => {
  const status = async (token: string) =>
    (await fetch(`${url}${route.slice(4)}`, { headers: token ? { authorization: `Bearer ${token}` } : {} })).status
  expect([await status(''), await status('dzn_wrong'), await status(tokens.expired)]).toEqual([401, 401, 401])
})

it('GET /metrics is text for Prometheus, for a token that may only read', async () => {
  const scraped = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${tokens.reader}` } })
  expect([scraped.status, scraped.headers.get('content-type')]).toEqual([
    200,
    expect.stringMatching(/^text\/plain; version=0\.0\.4/),
  ])
  expect(await scraped.text()).toMatch(/^# TYPE dozen_router_requests_total counter$/m)
})

it('serves no route but those of the table and the few that need no token, so no webhook comes in (ABUSE 71, 72)', () => {
  type Layer = { route?: { path: string; methods: Record<string, boolean> } }
  const { stack } = (api(it_.deps) as unknown as { router: { stack: Layer[] } }).router
  const there = stack.flatMap(({ route }) =>
    route ? Object.keys(route.methods).map((method) => `${method.toUpperCase()} ${route.path}`) : [],
  )
  const anything: object = new Proxy(() => {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything) })
  const table = routes(anything as never).map(({ method, path }) => `${method.toUpperCase()} ${path}`)
  expect(there.toSorted()).toEqual([...new Set([...OPEN, ...GUARDED, ...table])].toSorted())
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
  it.each([
    ['nonsense', 'nonsense'], ['no max', 'id ..; max=none'], ['a max of 0', 'id ..; max=0'], ['a max below 0', 'id ..; max=-1'], ['words after it', 'id .. and more'],
  ])('is 416 for a Range with %s', async (_, range) => {
    expect(await call('GET', '/apps', undefined, { headers: { range } })).toMatchObject({ status: 416, body: { id: 'range_not_satisfiable' } })
  }) // prettier-ignore
  it.each(['id ..', 'id ..; max=1000;', 'name ..; order=asc', 'seq ..; order=desc,max=1000', '', 'id ]0..; max=5'])(
    'is a list for the Range %j',
    async (range) => {
      const answer = await call('GET', '/apps', undefined, { headers: { range } })
      expect(answer.status).toBeLessThan(300)
      expect(answer.headers.get('accept-ranges')).toContain('id')
      expect(answer.headers.get('content-range')).toMatch(/^(id|name) /)
    },
  )
  it('ignores a Range where there is no list, as heroku-client sends one always', async () => {
    expect(await call('GET', '/apps/shop', undefined, { headers: { range: 'id ..; max=1000' } })).toMatchObject({ status: 200 })
  })
  it('is packed when it is large and the client can unpack it', async () => {
    const packed = await call('GET', '/stacks', undefined, { headers: { 'accept-encoding': 'gzip' } })
    expect(packed.headers.get('vary')).toContain('Accept-Encoding')
    const schema = await fetch(`${url}/schema`, { headers: { 'accept-encoding': 'gzip' } })
    expect(schema.headers.get('content-encoding')).toBe('gzip')
    expect((await schema.json()) as object).toHaveProperty('definitions.app')
  })
  it('is JSON, whatever variant of the type was asked for', async () => {
    const headers = { accept: 'application/vnd.heroku+json; version=3.pipelines' }
    expect((await call('GET', '/apps', undefined, { headers })).headers.get('content-type')).toMatch(/^application\/json/)
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
  it("is implied by the official CLI's Request-Id, which repeats a call whose answer was lost", async () => {
    const id = '6f1c0d9e-5a6c-4b0e-9a53-0d2f3b1c7a10'
    const headers = { 'user-agent': 'heroku-cli/11.10.0 linux', 'request-id': `${id},5a6c0d9e-5a6c-4b0e-9a53-0d2f3b1c7a10` }
    const quantity = async () => (await call('GET', '/apps/shop/formation/web')).body.quantity as number
    const scale = (more: Record<string, string>) =>
      call('PATCH', '/apps/shop/formation/web', { quantity: '+1' }, { headers: more })
    await deployed()
    const before = await quantity()
    await scale(headers)
    expect((await scale(headers)).headers.get('idempotency-replayed')).toBe('true')
    expect(await quantity()).toBe(before + 1)
    await scale({ ...headers, 'request-id': `5b5b0d9e-5a6c-4b0e-9a53-0d2f3b1c7a10,${id}` })
    await scale({ 'request-id': id })
    await scale({ 'request-id': id })
    expect(await quantity()).toBe(before + 4)
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

it('takes the one dyno size there is, by its name or by reference, and refuses others with the sentence', async () => {
  await deployed()
  const sized = (more: object) => call('PATCH', '/apps/shop/formation', { updates: [{ type: 'web', ...more }] })
  const { dyno_size: one } = (await call('GET', '/apps/shop/formation/web')).body
  for (const more of [{ size: one.name }, { size: one }, { dyno_size: one }]) expect((await sized(more)).status).toBe(200)
  for (const more of [
    { size: 'Performance-L' },
    { size: { name: 'Performance-L' } },
    { dyno_size: { name: 'Performance-L' } },
    { size: 3 },
  ])
    expect(await sized(more)).toMatchObject({ status: 422, body: { message: expect.stringContaining('There is no dyno size') } })
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
  it('refuses a slug whose process types are none, one that was not uploaded, and one that is not what its checksum says', async () => {
    const wrong = [undefined, {}, [], { web: '' }, { web: 'a\nb: c' }, { 'no type': 'x' }, { web: 1 }]
    for (const process_types of wrong)
      expect(await call('POST', '/apps/shop/slugs', { process_types }), JSON.stringify(process_types)).toMatchObject({
        status: 422,
      })
    const checksum = `SHA256:${'0'.repeat(64)}`
    const { id, blob } = (await call('POST', '/apps/shop/slugs', { process_types: { web: './server' }, checksum })).body
    const release = () => call('POST', '/apps/shop/releases', { slug: id })
    expect(await release()).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('Nothing has been uploaded') },
    })
    await fetch(blob.url, { method: blob.method, body: gzipSync(Buffer.alloc(2048)) })
    expect(await release()).toMatchObject({
      status: 422,
      body: { message: expect.stringContaining('not what the checksum says') },
    })
    expect(await call('POST', '/apps/shop-prod/releases', { slug: id })).toMatchObject({ status: 404 })
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

describe('the audit trail', () => {
  const events = async (path = '/apps/shop/events', token = tokens.owner) =>
    (await call('GET', path, undefined, { token })).body as unknown as { resource: string; action: string; data: Record<string, unknown>; actor: { email: string }; description: string }[]

  it('tells who changed what, and no secret', async () => {
    await call('PUT', '/apps/shop/checks/web', { path: '/health' })
    await call('PATCH', '/apps/shop/formation', { updates: [{ type: 'web', quantity: '2' }] })
    await call('POST', '/apps/shop/webhooks', { url: 'https://example.com/in', include: ['api:formation'], level: 'notify' })
    await call('PATCH', '/apps/shop/config-vars', { TOKEN: 'hunter2-value' })
    await call('POST', '/apps/shop/log-drains', { url: 'https://user:hunter2@example.com/in' })
    const all = await events()
    expect(all.map(({ resource, action }) => `${action} ${resource}`)).toEqual(expect.arrayContaining(['create app', 'update formation', 'update check', 'create log-drain', 'create webhook']))
    expect(all.find(({ resource }) => resource === 'check')!.actor.email).toBe('owner@example.com')
    expect(JSON.stringify(all)).not.toContain('hunter2')
    expect(all.find(({ resource }) => resource === 'formation')!.description).toContain('web = ')
  })

  it('is for who may see the app; that of all apps is for admins', async () => {
    expect((await call('GET', '/apps/shop/events', undefined, { token: tokens.foreign })).status).toBe(404)
    expect((await call('GET', '/events')).status).toBe(403)
  })

  it('takes no source of log lines that there is not', async () => {
    const statusOf = async (source: unknown) => (await call('POST', '/apps/shop/log-sessions', { source })).status
    expect(await Promise.all(['app', 'dozen', 'heroku', 'nobody'].map(statusOf))).toEqual([201, 201, 201, 422])
  })
  it('has nothing of what failed or only asked', async () => {
    const before = (await events()).length
    await call('PATCH', '/apps/shop/formation', { updates: [{ type: 'nothing', quantity: 1 }] })
    await call('POST', '/apps/shop/log-sessions', {})
    await call('GET', '/apps/shop')
    expect(await events()).toHaveLength(before)
  })
}) // prettier-ignore
