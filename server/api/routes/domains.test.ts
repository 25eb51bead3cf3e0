import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { apiWorld } from '../../../test/support/api-world.ts'
import { apiCertificate } from '../ca.ts'

const { call, close } = await apiWorld()
const pairs = mkdtempSync(join(tmpdir(), 'dozen-pairs-'))
afterAll(() => {
  rmSync(pairs, { recursive: true })
  return close()
})

const APP = '/apps/shop'
const domain = async (name: string) => (await call('GET', `${APP}/domains/${name}`)).body
const refusal = async (method: string, path: string, body: unknown) => {
  const answer = await call(method, path, body)
  return [answer.status, answer.body.message]
}

it('the default domain goes off and on, and the app’s address follows', async () => {
  await call('POST', `${APP}/domains`, { hostname: '*.shop.com' })
  await call('POST', `${APP}/domains`, { hostname: 'www.shop.com' })
  const own = (await call('GET', APP)).body.web_url
  expect((await call('PATCH', `${APP}/domains/shop.localhost`, { enabled: false })).body).toMatchObject({ kind: 'heroku', enabled: false }) // prettier-ignore
  expect((await call('GET', APP)).body.web_url).toBe(own.replace('shop.localhost', 'www.shop.com'))
  await call('PATCH', `${APP}/domains/shop.localhost`, { enabled: true })
  expect((await call('GET', APP)).body.web_url).toBe(own)
  expect(await refusal('PATCH', `${APP}/domains/www.shop.com`, { enabled: false })).toEqual([422, expect.stringContaining('Only the default domain')]) // prettier-ignore
  expect(await refusal('PATCH', `${APP}/domains/shop.localhost`, { enabled: 'no' })).toEqual([422, 'enabled should be true or false.']) // prettier-ignore
})

it('a domain shows the certificate that was chosen for it, of those that cover it', async () => {
  const add = async (...names: string[]) => {
    const { cert, key } = await apiCertificate(mkdtempSync(join(pairs, 'ca-')), names, new Date())
    return (await call('POST', `${APP}/sni-endpoints`, { certificate_chain: cert, private_key: key })).body
  }
  const [one, two, other] = [await add('www.shop.com'), await add('*.shop.com'), await add('shop.net')]
  expect((await domain('www.shop.com')).sni_endpoint.name).toBe(two.name)
  const chosen = await call('PATCH', `${APP}/domains/www.shop.com`, { sni_endpoint: one.name })
  expect(chosen.body.sni_endpoint).toEqual({ id: one.id, name: one.name })
  expect((await domain('*.shop.com')).sni_endpoint.name).toBe(two.name)
  expect(await refusal('PATCH', `${APP}/domains/www.shop.com`, { sni_endpoint: other.name })).toEqual([422, `${other.name} is for shop.net, not for www.shop.com.`]) // prettier-ignore
  expect(await refusal('PATCH', `${APP}/domains/www.shop.com`, { sni_endpoint: 'nobody' })).toEqual([404, expect.any(String)])
  await call('PATCH', `${APP}/domains/www.shop.com`, { sni_endpoint: null })
  expect((await domain('www.shop.com')).sni_endpoint.name).toBe(two.name)
  await call('PATCH', `${APP}/domains/www.shop.com`, { sni_endpoint: { id: one.id } })
  await call('DELETE', `${APP}/sni-endpoints/${one.name}`)
  expect((await domain('www.shop.com')).sni_endpoint.name).toBe(two.name)
})

it.each(['x.shop.localhost', '127.0.0.1', 'a.example;id', 'example.com:80', 'a'.repeat(2000), 7, null])(
  '%j is refused as a domain with a sentence',
  async (hostname) => {
    const answer = await call('POST', `${APP}/domains`, { hostname })
    expect([answer.status, answer.body.id]).toEqual([422, 'invalid_params'])
    expect(answer.body.message).toMatch(/\.$/)
  },
)

it('a domain that is taken is a conflict', async () => {
  const answer = await call('POST', `${APP}/domains`, { hostname: 'WWW.shop.com' })
  expect([answer.status, answer.body.message]).toEqual([409, 'www.shop.com is already a domain of shop.'])
})
