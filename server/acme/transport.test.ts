import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { apiCertificate } from '../api/ca.ts'
import { Refused } from './authority.ts'
import { retryAfterMs, transport } from './transport.ts'

let server: Server
let ca: string
let answer: (req: IncomingMessage, res: ServerResponse) => void
const folder = mkdtempSync(join(tmpdir(), 'dozen-transport-'))
beforeAll(async () => {
  const { cert, key } = await apiCertificate(folder, ['localhost'], new Date())
  ca = readFileSync(join(folder, 'ca.pem'), 'utf8')
  server = createServer({ cert, key }, (req, res) => void req.resume().on('end', () => answer(req, res))).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  server.close()
  rmSync(folder, { recursive: true })
})

const url = () => `https://localhost:${(server.address() as AddressInfo).port}/dir`
const ask = (to = url(), trust: string | undefined = ca) =>
  transport(trust)({ url: to, method: 'get', headers: { accept: '*/*' } })
const refused = async (asked: Promise<unknown>) => {
  const cause: unknown = await asked.catch((error: unknown) => error)
  if (!(cause instanceof Refused)) throw new Error(`not refused: ${String(cause)}`)
  return [cause.fault, cause.message, cause.retryAfterMs]
}
const problem =
  (status: number, type: string, headers = {}) =>
  (_req: IncomingMessage, res: ServerResponse) =>
    void res.writeHead(status, headers).end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail: 'so it is' }))

it('gives back what came, errors of the nonce too, which the library tries again', async () => {
  answer = (_req, res) => void res.writeHead(200, { 'replay-nonce': 'n' }).end('{"a":1}')
  expect(await ask()).toMatchObject({ status: 200, data: '{"a":1}', headers: { 'replay-nonce': 'n' } })
  answer = problem(400, 'badNonce')
  expect(await ask()).toMatchObject({ status: 400 })
})

it.each([
  [429, 'rateLimited', 'rate'],
  [403, 'rateLimited', 'rate'],
  [400, 'rejectedIdentifier', 'name'],
  [403, 'caa', 'name'],
  [400, 'malformed', 'name'],
  [404, 'malformed', 'order'],
  [403, 'orderNotReady', 'order'],
  [403, 'unauthorized', 'authority'],
  [400, 'accountDoesNotExist', 'authority'],
  [403, 'userActionRequired', 'authority'],
  [500, 'serverInternal', 'authority'],
])('%i %s is the fault of: %s', async (status, type, fault) => {
  answer = problem(status, type, { 'retry-after': '7' })
  expect(await refused(ask())).toEqual([fault, `so it is (${type})`, 7000])
})

it('an answer without a word, none at all, too long a one, and one from a stranger are the authority’s fault', async () => {
  answer = (_req, res) => void res.writeHead(502).end('<html>')
  expect(await refused(ask())).toEqual(['authority', 'it answered 502', 0])
  answer = (req) => void req.socket.destroy()
  expect(await refused(ask())).toEqual(['authority', expect.stringContaining('cannot be reached ('), 0])
  answer = (_req, res) => void res.writeHead(200).end(Buffer.alloc(2 * 1024 * 1024))
  expect(await refused(ask())).toEqual(['authority', 'it cannot be reached (its answer is too long)', 0])
  expect((await refused(ask(url(), undefined)))[1]).toContain('cannot be reached (')
  expect((await refused(ask('http://localhost:1/dir')))[1]).toContain('http:// is not https://')
  expect((await refused(ask('https://localhost:1/dir')))[1]).toContain('ECONNREFUSED')
})

it('Retry-After is seconds or a date by the authority’s clock, at most a day', () => {
  const date = 'Fri, 27 Nov 2026 07:00:00 GMT'
  const asked = ['5', '0', '-1', '999999', 'Fri, 27 Nov 2026 07:01:00 GMT', 'Fri, 27 Nov 2026 06:00:00 GMT', 'soon', undefined]
  expect(asked.map((header) => retryAfterMs(header, date))).toEqual([5000, 0, 0, 86_400_000, 60_000, 0, 0, 0])
  expect(retryAfterMs('Fri, 27 Nov 2026 07:01:00 GMT', undefined)).toBe(0)
})
