import { request as tlsRequest } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RouteApp } from '../server/api/wire.ts'
import { trustedProxies } from './address.ts'
import { World, type Answer } from './testing.ts'

const PATH = '/.well-known/acme-challenge'
const REDIRECT = { httpsRedirect: true }
const HSTS = { hsts: 'max-age=31536000; includeSubDomains' }

let world: World
beforeEach(async () => {
  world = await new World().start()
})
afterEach(() => world.end())

const app = () => world.app((req, res) => void res.end(`app ${req.url}`))

async function route(over: Partial<RouteApp>, challenges?: Record<string, string>): Promise<void> {
  const targets = [{ dyno: 'web.1', address: await app() }]
  const table = { ...world.table({ targets, ...over }), ...(challenges && { challenges }) }
  expect((await world.control('PUT', '/table', table)).status).toBe(200)
}

/** Over TLS, for an SNI name of its own. */
function secure(path: string, headers: Record<string, string> = {}, servername = 'shop.localhost'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = world.router.https!
    const options = { host: '127.0.0.1', port, path, servername, rejectUnauthorized: false, agent: false, headers: { host: 'shop.localhost', ...headers } } // prettier-ignore
    const asked = tlsRequest(options, (res) => {
      let body = ''
      res.on('data', (part: Buffer) => (body += part.toString()))
      res.on('end', () => resolve({ status: res.statusCode!, headers: res.headers, rawHeaders: res.rawHeaders, body }))
    })
    asked.on('error', reject).end()
  })
}

describe('an ACME challenge', () => {
  it('is answered on every host, known or not, by HTTP and HTTPS, before any redirect or maintenance page (ABUSE 56)', async () => {
    await route({ rules: REDIRECT, maintenance: true }, { 'tok-1_a': 'tok-1_a.thumb' })
    for (const host of ['shop.localhost', 'nobody.example', 'www.nobody.example:8080']) {
      const answer = await world.get(`${PATH}/tok-1_a`, { headers: { host } })
      expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([200, 'tok-1_a.thumb', 'application/octet-stream']) // prettier-ignore
    }
    expect((await secure(`${PATH}/tok-1_a?x`)).body).toBe('tok-1_a.thumb')
    expect((await world.get(`${PATH}/tok-1_a`, { method: 'HEAD' })).status).toBe(200)
    expect((await world.lines())[0]).toMatch(/at=info method=GET path=".*tok-1_a" .*status=200/)
  })

  it('with another token is the app’s, whatever the token', async () => {
    await route({}, { tok: 'tok.thumb' })
    for (const token of [
      'other',
      '',
      'tok/',
      '../tok',
      '%74ok',
      'tok%00',
      '__proto__',
      'constructor',
      '..%2f..%2fetc%2fpasswd',
    ]) {
      expect((await world.get(`${PATH}/${token}`)).body).toBe(`app ${PATH}/${token}`)
    }
    expect((await world.get(`${PATH}/tok`, { method: 'POST' }, 'x')).body).toBe(`app ${PATH}/tok`)
    expect((await world.get(`${PATH}/other`, { headers: { host: 'nobody.example' } })).status).toBe(404)
  })

  it('ends with the table that no longer has it, and outlives a restart of the router', async () => {
    await route({}, { tok: 'tok.thumb' })
    await world.router.close()
    await world.start()
    expect((await world.get(`${PATH}/tok`)).body).toBe('tok.thumb')
    await route({})
    expect((await world.get(`${PATH}/tok`)).body).toBe(`app ${PATH}/tok`)
  })
})

describe('the way to HTTPS', () => {
  const location = async (path: string, headers: Record<string, string>, method = 'GET') => {
    const answer = await world.get(path, { headers, method })
    return [answer.status, answer.headers.location]
  }

  it('is a 301 for GET and HEAD, a 308 for the rest, path and query as they came', async () => {
    await route({ rules: REDIRECT, hosts: ['shop.localhost', '*.shop.example'] })
    expect(await location('//a/../b?c=%41', { host: 'x.shop.example' })).toEqual([301, 'https://x.shop.example//a/../b?c=%41'])
    expect(await location('/', { host: 'shop.localhost' }, 'HEAD')).toEqual([301, 'https://shop.localhost/'])
    expect(await location('/x', { host: 'shop.localhost:80' }, 'POST')).toEqual([308, 'https://shop.localhost/x'])
    expect((await secure('/x')).body).toBe('app /x')
  })

  it('names the router’s own port to who reached it by a port', async () => {
    await route({ rules: REDIRECT })
    const { http, https } = world.router
    expect(await location('/', { host: `shop.localhost:${http.port}` })).toEqual([301, `https://shop.localhost:${https!.port}/`])
  })

  it('is over where a trusted load balancer ended TLS', async () => {
    await world.router.close()
    await world.start({}, { isTrusted: trustedProxies('127.0.0.1') })
    await route({ rules: { ...HSTS, ...REDIRECT } })
    const answer = await world.get('/', { headers: { 'x-forwarded-proto': 'https' } })
    expect([answer.status, answer.headers['strict-transport-security']]).toEqual([200, HSTS.hsts])
    expect((await world.get('/', { headers: { 'x-forwarded-proto': 'http' } })).status).toBe(301)
  })

  it('is not taken on a stranger’s word', async () => {
    await route({ rules: REDIRECT })
    expect((await world.get('/', { headers: { 'x-forwarded-proto': 'https' } })).status).toBe(301)
  })
})

describe('HSTS', () => {
  it('is said over TLS only, on pages of the router too', async () => {
    await route({ rules: HSTS })
    expect((await secure('/')).headers['strict-transport-security']).toBe(HSTS.hsts)
    expect((await world.get('/')).headers['strict-transport-security']).toBeUndefined()
    await world.route({ rules: HSTS, state: 'stopped' })
    expect(await secure('/')).toMatchObject({ status: 503, headers: { 'strict-transport-security': HSTS.hsts } })
  })

  it('leaves an app its own', async () => {
    const own = await world.app((_req, res) => void res.setHeader('Strict-Transport-Security', 'max-age=1').end())
    await world.route({ rules: HSTS, targets: [{ dyno: 'web.1', address: own }] })
    expect((await secure('/')).rawHeaders.filter((text) => /max-age/.test(text))).toEqual(['max-age=1'])
  })
})

it('a table with a wrong HSTS value is refused with its name', async () => {
  const wrong = world.table({ rules: { hsts: 'a\r\nb' } })
  expect((await world.control('PUT', '/table', wrong)).body).toContain('apps[].rules.hsts')
})
