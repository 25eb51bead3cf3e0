import type { ServerResponse } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { apiClient } from './client.ts'
import { type Asked, fixedServer, sendJson, typed } from './support/fixed-server.ts'

let server: Awaited<ReturnType<typeof fixedServer>>
afterEach(() => server.close())

const client = (token = 't') =>
  apiClient({
    url: () => server.url,
    likelyUrl: () => server.url,
    token: () => ({ value: token, from: 'a test' }),
    ca: () => undefined,
    home: '',
    credentialsPath: '',
  })

/** Cuts the connection for the first `times` requests, then answers. */
const cutting = (times: number) => {
  let count = 0
  return (_: Asked, response: ServerResponse) => (count++ < times ? response.destroy() : sendJson(response, 200, { ok: true }))
}

it('repeats a GET whose connection was lost', async () => {
  server = await fixedServer({ 'GET /x': cutting(2) })
  expect(await client().get('/x')).toEqual({ ok: true })
  expect(server.asked).toHaveLength(3)
})

it('repeats a POST and a PATCH under one key, so that the server does it once', async () => {
  server = await fixedServer({ 'POST /x': cutting(1), 'PATCH /x': cutting(1) })
  await client().post('/x')
  await client().patch('/x', {})
  const keys = server.asked.map(({ headers }) => headers['idempotency-key'])
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
  expect(keys[1]).toBe(keys[0])
  expect(keys[3]).toBe(keys[2])
  expect(keys[2]).not.toBe(keys[0])
})

it('does not repeat a DELETE that may have happened', async () => {
  server = await fixedServer({ 'DELETE /x': cutting(1) })
  await expect(client().delete('/x')).rejects.toThrow(
    /^Couldn't reach dozen at http:\/\/127\.0\.0\.1:\d+: the connection was lost\.$/,
  )
  expect(server.asked).toHaveLength(1)
})

it('reads all pages of a list', async () => {
  const page = ({ headers }: Asked, response: ServerResponse) => {
    const from = headers.range === undefined ? 0 : Number(/\](\d+)/.exec(headers.range)![1])
    const items = [1, 2, 3, 4, 5].filter((n) => n > from).slice(0, 2)
    sendJson(
      response,
      items.at(-1) === 5 ? 200 : 206,
      items,
      items.at(-1) === 5 ? {} : { 'next-range': `id ]${items.at(-1)}..; max=2` },
    )
  }
  server = await fixedServer({ 'GET /list': page })
  expect(await client().list('/list')).toEqual([1, 2, 3, 4, 5])
})

it('sends the token to its own server only', async () => {
  server = await fixedServer({ 'GET /x': {} })
  const other = await fixedServer({ 'GET /x': {} })
  await client().get('/x')
  await client().get(`${other.url}/x`)
  expect(server.asked[0]!.headers.authorization).toBe('Bearer t')
  expect(other.asked[0]!.headers.authorization).toBeUndefined()
  await other.close()
})

it('tells the status of an error that is no JSON', async () => {
  server = await fixedServer({
    'GET /account': (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad</h1>'),
  })
  expect(await typed(['whoami'], { env: { DOZEN_URL: server.url } })).toMatchObject({
    code: 1,
    stderr: 'Error: The server answered 502 Bad Gateway.\n',
  })
})

it('says what to do when nothing listens, when the URL is none, and when no server is known', async () => {
  server = await fixedServer({})
  await server.close()
  const down = await typed(['whoami'], { env: { DOZEN_URL: server.url } })
  expect(down).toEqual({
    code: 1,
    stdout: '',
    stderr: `Error: Couldn't reach dozen at ${server.url}: nothing listens there.\nIs it running? \`dozen up\` starts it; DOZEN_URL says where to look.\n`,
  })
  expect((await typed(['whoami'], { env: { DOZEN_URL: 'ftp://x' } })).stderr).toContain('is not the URL of a dozen API')
  expect((await typed(['whoami'])).stderr).toContain('Error: No dozen is known here.')
})
