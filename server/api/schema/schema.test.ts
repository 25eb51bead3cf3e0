import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import { afterAll, describe, expect, it } from 'vitest'
import { apiWorld } from '../../../test/support/api-world.ts'
import { routes } from '../api.ts'
import { apiCertificate } from '../ca.ts'
import { keyOf, type Schema } from './published.ts'

const world = await apiWorld({ isInsideAllowed: true })
afterAll(world.close)
const schema = JSON.parse(await (await fetch(`${world.url}/schema`)).text()) as Schema
const table = routes({ ...world.deps, rate: { remaining: () => 1 } }).map(({ method, path }) => keyOf(method, path))

type Answer = { path: string; status: number; body: unknown }
/** Route → what it answered on the walk below. */
const answers = new Map<string, Answer[]>()
const PATHS = routes({ ...world.deps, rate: { remaining: () => 1 } }).map(({ method, path }) => ({
  key: keyOf(method, path),
  method: method.toUpperCase(),
  pattern: new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`),
}))

/** One call whose answer is kept for the tests; resolves with its body. */
async function ask(method: string, path: string, body?: unknown, token = world.tokens.owner) {
  const answer = await world.call(method, path, body, { token })
  const route = PATHS.find((one) => one.method === method && one.pattern.test(path.replace(/\?.*/, '')))
  if (route) answers.set(route.key, [...(answers.get(route.key) ?? []), { path, ...answer }])
  return answer.body
}
const asks = async (steps: readonly (readonly [method: string, path: string, body?: unknown])[]) => {
  for (const [method, path, body] of steps) await ask(method, path, body)
}

const image = { image: 'sha256:1', imageKind: 'buildpack', port: null, processTypes: { web: 'node .', release: 'true' }, buildId: null, commit: null } as const // prettier-ignore
const key = (part: string) => Buffer.concat([Buffer.from([0, 0, 0, part.length]), Buffer.from(part, 'latin1')])
const sshKey = `ssh-ed25519 ${Buffer.concat([key('ssh-ed25519'), key(randomBytes(32).toString('latin1'))]).toString('base64')} me@x`

/** A life of two apps that meets every route. */
async function walk() {
  const { owner, admin } = world.tokens
  const { useCases, accounts } = world.deps
  const user = accounts.findByEmailOrId('owner@example.com')!
  const shop = useCases.apps.find(user, 'shop')
  await ask('POST', '/apps', { name: 'shop-prod' })
  await useCases.deploys.deploy(shop, user, { image, description: 'x' }, { signal: new AbortController().signal, log: () => {} })
  const { id, version } = useCases.releases.current(shop.id)!
  const at = new Date()
  world.dynos.push({ id: 'container-1', name: 'web.1', type: 'web', command: 'node .', state: 'up', release: { id, version }, reason: null, createdAt: at, updatedAt: at }) // prettier-ignore

  await asks([
    ['GET', '/apps'], ['GET', '/users/~/apps'], ['GET', '/apps/shop'], ['PATCH', '/apps/shop', { maintenance: true }],
    ['GET', '/apps/shop/config-vars'], ['PATCH', '/apps/shop/config-vars', { A: '1' }], ['GET', '/apps/shop/releases'],
    ['GET', '/apps/shop/releases/2'], ['GET', '/apps/shop/releases/2/config-vars'], ['GET', '/apps/shop/releases/2/commits?since=1'], ['POST', '/apps/shop/releases', { release: '2' }],
    ['GET', '/apps/shop/formation'], ['GET', '/apps/shop/formation/web'], ['PATCH', '/apps/shop/formation', { updates: [{ type: 'web', quantity: '2' }] }],
    ['PATCH', '/apps/shop/formation/web', { quantity: 1 }], ['GET', '/apps/shop/dynos'], ['GET', '/apps/shop/dynos/web.1'],
    ['POST', '/apps/shop/dynos', { command: 'ls', attach: true }], ['PATCH', '/apps/shop/dynos/run.1', { columns: 80, rows: 24 }],
    ['DELETE', '/apps/shop/dynos/web.1'], ['DELETE', '/apps/shop/dynos'], ['DELETE', '/apps/shop/formations/web'], ['GET', '/apps/shop/restarts/1'], ['GET', '/doctor'],
    ['GET', '/apps/shop/metrics'], ['GET', '/apps/shop/settings'], ['PATCH', '/apps/shop/settings', { 'stop-timeout': '10s' }],
    ['GET', '/apps/shop/settings'], ['PATCH', '/apps/shop/settings', { 'stop-timeout': '10s' }],
    ['PUT', '/apps/shop/sleep', { after: 60 }], ['GET', '/apps/shop/sleep'], ['DELETE', '/apps/shop/sleep'],
    ['POST', '/apps/shop/dynos/web.1/actions/stop'], ['POST', '/apps/shop/formations/web/actions/stop'],
    ['POST', '/apps/shop/acm', {}], ['PATCH', '/apps/shop/acm', { acm_refresh: true }], ['GET', '/failing-certificates'], ['DELETE', '/apps/shop/acm'],
    ['POST', '/apps/shop/domains', { hostname: 'www.shop.example' }], ['GET', '/apps/shop/domains'], ['GET', '/apps/shop/domains/www.shop.example'],
    ['PUT', '/apps/shop/buildpack-installations', { updates: [{ buildpack: 'heroku/nodejs' }] }], ['GET', '/apps/shop/buildpack-installations'],
    ['PUT', '/apps/shop/checks/web', { path: '/health' }], ['GET', '/apps/shop/checks'], ['DELETE', '/apps/shop/checks/web'],
    ['DELETE', '/apps/shop/build-cache'],
    ['PUT', '/apps/shop/limits/web', { memory: 1e9 }], ['GET', '/apps/shop/limits'], ['DELETE', '/apps/shop/limits/web'],
    ['POST', '/apps/shop/log-sessions', { lines: 1 }],
    ['GET', '/regions'], ['GET', '/regions/us'], ['GET', '/stacks'], ['GET', '/stacks/container'], ['GET', '/apps/shop/available-stacks'],
    ['GET', '/dyno-sizes'], ['GET', '/dyno-sizes/Standard-1X'], ['GET', '/apps/shop/available-dyno-sizes'], ['GET', '/apps/shop/formation/web/dyno-sizes'],
    ['GET', '/generations'], ['GET', '/generations/cedar'], ['GET', '/teams'], ['GET', '/spaces'],
    ['GET', '/apps/shop/features'], ['GET', '/apps/shop/features/preboot'], ['PATCH', '/apps/shop/features/preboot', { enabled: true }], ['GET', '/account/features'],
    ['GET', '/addons'], ['GET', '/users/~/addons'], ['GET', '/apps/shop/addons'], ['GET', '/addon-attachments'], ['GET', '/apps/shop/addon-attachments'],
    ['GET', '/addon-services'], ['GET', '/addon-region-capabilities'], ['GET', '/regions/us/addon-region-capabilities'],
    ['GET', '/account'], ['PATCH', '/account', { name: 'An Owner' }], ['GET', '/users/~'], ['PATCH', '/users/~', { name: null }],
    ['GET', '/account/rate-limits'], ['GET', '/oauth/sessions'],
  ]) // prettier-ignore

  await walkBuilds()
  await walkMade()
  await walkPipelines(shop)
  await ask('POST', '/stacks/heroku-22/rebuild', undefined, admin)
  await ask('GET', '/users', undefined, admin)
  await ask('POST', '/users', { email: 'new@example.com' }, admin)
  await ask('DELETE', '/users/new@example.com', undefined, admin)
  const gone = accounts.create({ email: 'gone@example.com' })
  await ask('DELETE', '/account', undefined, gone.secret)
  await ask('POST', '/account/app-transfers', { app: 'shop-prod', recipient: 'bob@example.com' }, owner)
  await asks([
    ['GET', '/account/app-transfers'], ['GET', '/account/app-transfers/shop-prod'], ['PATCH', '/account/app-transfers/shop-prod', { state: 'declined' }],
    ['DELETE', '/account/app-transfers/shop-prod'], ['GET', '/apps/shop/events'],
  ]) // prettier-ignore
  await ask('GET', '/events', undefined, admin)
  await ask('GET', '/disk', undefined, admin)
  await ask('POST', '/secrets/actions/rotate', {}, admin)
  await walkRefusals()
  await ask('DELETE', '/apps/shop')
}

async function walkBuilds() {
  const { source_blob: blob } = await ask('POST', '/apps/shop/sources')
  await ask('POST', '/sources')
  await fetch(blob.put_url, { method: 'PUT', body: gzipSync(Buffer.alloc(2048)) })
  const build = await ask('POST', '/apps/shop/builds', { source_blob: { url: blob.get_url, version: 'v1' } })
  await fetch(build.output_stream_url).then((answer) => answer.text())
  await asks([
    ['GET', '/apps/shop/builds'],
    ['GET', `/apps/shop/builds/${build.id}`],
    ['GET', `/apps/shop/slugs/${build.id}`],
    ['DELETE', `/apps/shop/builds/${build.id}`],
  ])
  await ask('POST', '/apps/shop-prod/releases', { slug: build.id })
  const slug = await ask('POST', '/apps/shop/slugs', { process_types: { web: './server' } })
  await ask('GET', `/apps/shop/slugs/${slug.id}`)
}

/** What is made, looked at, changed and removed. */
async function walkMade() {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-schema-'))
  const { cert, key: privateKey } = await apiCertificate(folder, ['www.shop.example'], new Date())
  rmSync(folder, { recursive: true })
  const pem = { certificate_chain: cert, private_key: privateKey }
  const all: [path: string, body: object, change?: object][] = [
    ['/apps/shop/sni-endpoints', pem, pem],
    ['/apps/shop/log-drains', { url: 'syslog+udp://127.0.0.1:9' }], // nobody need be there to take a datagram
    ['/apps/shop/webhooks', { url: 'https://example.com/in', include: ['api:formation'], level: 'sync' }, { level: 'notify' }],
    ['/apps/shop/collaborators', { user: 'bob@example.com' }, { permissions: ['view'] }],
    ['/apps/shop/cron', { schedule: '0 3 * * *', command: 'ls' }],
    ['/account/keys', { public_key: sshKey }],
    ['/oauth/authorizations', { description: 'x', scope: ['read'], expires_in: '1000' }, { description: 'y' }],
  ]
  for (const [path, body, change] of all) {
    const { id } = await ask('POST', path, body)
    await ask('GET', path)
    await ask('GET', `${path}/${id}`)
    if (change) await ask('PATCH', `${path}/${id}`, change)
    if (path.endsWith('sni-endpoints')) await ask('PATCH', '/apps/shop/domains/www.shop.example', { sni_endpoint: id })
    if (path.endsWith('log-drains')) await ask('POST', `${path}/${id}/actions/test`)
    if (path.endsWith('cron')) await asks([['POST', `${path}/${id}/actions/run`], ['GET', `${path}/${id}/runs`]]) // prettier-ignore
    if (path.endsWith('authorizations')) await ask('POST', `${path}/${id}/actions/regenerate-tokens`)
    if (path.endsWith('webhooks')) await walkDeliveries()
    await ask('DELETE', `${path}/${id}`)
  }
  await ask('DELETE', '/apps/shop/domains/www.shop.example')
}

async function walkDeliveries() {
  await ask('PATCH', '/apps/shop/formation', { updates: [{ type: 'web', quantity: '1' }] })
  const [delivery] = await ask('GET', '/apps/shop/webhook-deliveries')
  await ask('GET', `/apps/shop/webhook-deliveries/${delivery.id}`)
  const [event] = await ask('GET', '/apps/shop/webhook-events')
  await ask('GET', `/apps/shop/webhook-events/${event.id}`)
}

async function walkPipelines({ id: shopId }: { id: string }) {
  const { id } = await ask('POST', '/pipelines', { name: 'shops' })
  const line = `/pipelines/${id}`
  const target = (await ask('GET', '/apps/shop-prod')).id
  const coupling = await ask('POST', '/pipeline-couplings', { app: 'shop', pipeline: id, stage: 'staging' })
  await ask('POST', '/pipeline-couplings', { app: 'shop-prod', pipeline: id, stage: 'production' })
  const promotion = await ask('POST', '/pipeline-promotions', {
    pipeline: { id },
    source: { app: { id: shopId } },
    targets: [{ app: { id: target } }],
  })
  await asks([
    ['GET', '/pipelines'], ['GET', line], ['PATCH', line, { name: 'shops-two' }], ['GET', `${line}/pipeline-couplings`], ['GET', '/pipeline-couplings'],
    ['GET', '/users/~/pipeline-couplings'], ['GET', `/pipeline-couplings/${coupling.id}`], ['PATCH', `/pipeline-couplings/${coupling.id}`, { stage: 'review' }],
    ['GET', '/apps/shop/pipeline-couplings'], ['POST', '/filters/apps', { in: { id: [shopId] } }], ['GET', `/pipeline-promotions/${promotion.id}`],
    ['GET', `/pipeline-promotions/${promotion.id}/promotion-targets`], ['GET', `${line}/latest-builds`], ['GET', `${line}/latest-deployments`],
    ['GET', `${line}/latest-releases`], ['GET', `${line}/pipeline-stack`], ['GET', `${line}/review-apps`], ['GET', `${line}/review-app-config`],
    ['POST', `${line}/review-app-config`, {}], ['PATCH', `${line}/review-app-config`, {}], ['DELETE', `${line}/review-app-config`],
    ['DELETE', `/pipeline-couplings/${coupling.id}`], ['POST', '/pipeline-transfers', { pipeline: { id }, new_owner: { id: 'owner@example.com', type: 'user' } }],
    ['DELETE', line],
  ]) // prettier-ignore
}

/** Routes that only ever refuse, with a sentence: the shape of what dozen has none of. */
const REFUSING = [
  'POST /apps/*/addons', 'GET /addons/*', 'GET /addons/*/addon-attachments', 'GET /addons/*/config', 'PATCH /addons/*/config', 'GET /addons/*/log-drains',
  'PUT /addons/*/log-drains/*', 'POST /actions/addons/resolve', 'GET /apps/*/addons/*', 'PATCH /apps/*/addons/*', 'DELETE /apps/*/addons/*',
  'POST /addon-attachments', 'GET /addon-attachments/*', 'DELETE /addon-attachments/*', 'POST /actions/addon-attachments/resolve', 'GET /apps/*/addon-attachments/*',
  'GET /addon-services/*', 'GET /addon-services/*/plans', 'GET /addon-services/*/plans/*', 'GET /addon-services/*/region-capabilities', 'GET /plans/*',
  'GET /account/features/*', 'PATCH /account/features/*', 'POST /teams/apps',
  'PATCH /account/app-transfers/*', 'DELETE /account/app-transfers/*', 'DELETE /oauth/sessions/~',
  'GET /pipelines/*/review-app-config', 'POST /pipelines/*/review-app-config', 'PATCH /pipelines/*/review-app-config', 'DELETE /pipelines/*/review-app-config',
  'POST /review-apps', 'GET /review-apps/*', 'DELETE /review-apps/*', 'GET /apps/*/review-app',
] // prettier-ignore

async function walkRefusals() {
  for (const route of REFUSING.filter((one) => !answers.has(one))) {
    const [method, path] = route.split(' ') as [string, string]
    await ask(method, path.replace('/apps/*', '/apps/shop').replaceAll('*', 'x'), method === 'GET' ? undefined : { team: 'x' })
  }
}

await walk()

// Strict where the published schema is not: what it names is there. Not the other way round: dozen's answers say more.
const strict = structuredClone(schema)
for (const definition of Object.values(strict.definitions))
  if (definition.properties) definition['required'] ??= Object.keys(definition.properties)
const { $schema: _, id: _id, ...plain } = strict
const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true })).addSchema({ ...plain, $id: 'platform' })
const targets = new Map(
  Object.values(schema.definitions).flatMap(({ links = [] }) =>
    links.map(({ method = 'GET', href, targetSchema }) => [keyOf(method, href), targetSchema] as const),
  ),
)
const inside = (target: object) => JSON.parse(JSON.stringify(target).replaceAll('"#/', '"platform#/')) as object

describe.each(table.filter((route) => !REFUSING.includes(route)))('%s', (route) => {
  it('answers what GET /schema says', () => {
    const target = targets.get(route)
    expect(target, `no link of GET /schema says what ${route} answers: add it to server/api/schema/own.ts`).toBeDefined()
    const given = (answers.get(route) ?? []).filter(({ status }) => status < 300)
    expect(given, `the walk in this file gets no answer of ${route}: ${JSON.stringify(answers.get(route))}`).not.toEqual([])
    const valid = ajv.compile(inside(target!))
    for (const { path, body } of given) {
      const isRight = valid(body)
      expect(
        isRight,
        `${path}\n${JSON.stringify(valid.errors?.map((e) => [e.instancePath, e.message, e.params]))}\n${JSON.stringify(body)}`,
      ).toBe(true)
    }
  })
})

it.each(REFUSING)('%s refuses with an id and a sentence', (route) => {
  expect(answers.get(route), 'it is a route').toBeDefined()
  for (const { status, body } of answers.get(route)!) {
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(body).toMatchObject({ id: expect.stringMatching(/^[a-z_]+$/), message: expect.stringMatching(/\.$/) })
  }
})

it('has an answer to what Heroku has and dozen has not: 404 and a sentence', async () => {
  for (const path of [
    '/teams/x',
    '/spaces/x',
    '/enterprise-accounts',
    '/oauth/clients',
    '/telemetry-drains/x',
    '/account/invoices',
    '/nonsense',
  ])
    expect(await world.call('GET', path)).toMatchObject({
      status: 404,
      body: { id: 'not_found', message: expect.stringMatching(/\.$/) },
    })
  expect(world.faults).toEqual([])
})

it('serves the links that are routed, each of them, and no other', () => {
  expect([...targets.keys()].filter((link) => !table.includes(link))).toEqual([])
})
