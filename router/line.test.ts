import { expect, it } from 'vitest'
import { passageOf } from './forwarded.ts'
import { readRequest, type RequestHead } from './http1/request.ts'
import { formatLine } from './line.ts'
import { prefersJson } from './page.ts'

const plain = { requestId: 'id', dyno: 'web.1', connectMs: 0.2, serviceMs: 11.7, status: 200, bytes: 512 }

function passage(target: string, address: string) {
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: shop.localhost\r\n\r\n`, 'latin1')
  const head = readRequest(bytes, 0, bytes.length) as RequestHead
  return passageOf(head, { address, port: 80, isTls: false, isTrusted: false })
}

it('is the line of the contract', () => {
  expect(formatLine(passage('/x?y=1', '203.0.113.9'), plain)).toBe(
    'at=info method=GET path="/x?y=1" host=shop.localhost request_id=id fwd="203.0.113.9" dyno=web.1 connect=0ms service=12ms status=200 bytes=512 protocol=http1.1 tls=false',
  )
})

it('names the error first, and leaves empty what did not happen', () => {
  expect(formatLine(passage('/x?y=1', '203.0.113.9'), { code: 'H14', requestId: 'id', status: 503, bytes: 0 })).toBe(
    'at=error code=H14 desc="No web processes running" method=GET path="/x?y=1" host=shop.localhost request_id=id fwd="203.0.113.9" dyno= connect= service= status=503 bytes=0 protocol=http1.1 tls=false',
  )
})

it('lets no client forge a field or a line (ABUSE 16)', () => {
  const line = formatLine(passage('/"status=500\\\u00e9', 'a\r\nb\u009b'), plain)
  expect(line).toContain('path="/\\"status=500\\\\\\xe9"')
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
