import { expect, it } from 'vitest'
import { formatLine } from './line.ts'
import { prefersJson } from './page.ts'

const plain = {
  method: 'GET', path: '/x?y=1', host: 'shop.localhost', requestId: 'id', fwd: '203.0.113.9', dyno: 'web.1', connectMs: 0.2,
  serviceMs: 11.7, status: 200, bytes: 512, protocol: 'http1.1', tls: false,
} as const // prettier-ignore

it('is the line of the contract', () => {
  expect(formatLine(plain)).toBe(
    'at=info method=GET path="/x?y=1" host=shop.localhost request_id=id fwd="203.0.113.9" dyno=web.1 connect=0ms service=12ms status=200 bytes=512 protocol=http1.1 tls=false',
  )
})

it('names the error first, and leaves empty what did not happen', () => {
  expect(
    formatLine({ ...plain, code: 'H14', dyno: undefined, connectMs: undefined, serviceMs: undefined, status: 503, bytes: 0 }),
  ).toBe(
    'at=error code=H14 desc="No web processes running" method=GET path="/x?y=1" host=shop.localhost request_id=id fwd="203.0.113.9" dyno= connect= service= status=503 bytes=0 protocol=http1.1 tls=false',
  )
})

it('lets no client forge a field or a line', () => {
  const line = formatLine({ ...plain, path: '/" status=500 \\', fwd: 'a\r\nb\u009b' })
  expect(line).toContain('path="/\\" status=500 \\\\"')
  expect(line).toContain('fwd="a\\x0d\\x0ab\\x9b"')
})

it.each([
  ['application/json', true],
  ['text/html,application/json;q=0.9', false],
  ['text/html;q=0.5,application/json', true],
  ['*/*', false],
  ['', false],
  ['application/*', true],
  ['application/json;q=0', false],
])('Accept %j prefers JSON: %s', (accept, expected) => expect(prefersJson(accept)).toBe(expected))
