import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { ABSENT, MALFORMED, PARTIAL, readProxyHeader } from './proxy-header.ts'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const bin = (command: number, family: number, block: number[], length = block.length) =>
  Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), Buffer.from([command, family, length >> 8, length & 255, ...block])])
const V4 = [203, 0, 113, 9, 192, 0, 2, 1, 0xc8, 0x22, 0x01, 0xbb]
const V6 = [...'20010db8000000000000000000000009'.match(/../g)!.map((hex) => parseInt(hex, 16)), ...Array<number>(15).fill(0), 1, 0xc8, 0x22, 0x01, 0xbb] // prettier-ignore
const client = (address: string, port = 443) => ({ address, port })

describe('a PROXY header', () => {
  it.each([
    ['PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n', client('203.0.113.9')],
    ['PROXY TCP6 2001:db8::9 ::1 51234 443\r\n', client('2001:db8::9')],
    ['PROXY TCP4 203.0.113.9 192.0.2.1 0 443\r\n', client('203.0.113.9')],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
    [bin(0x21, 0x11, V4), client('203.0.113.9')],
    [bin(0x21, 0x21, V6), client('2001:db8::9')],
    [bin(0x21, 0x11, [...V4, 0x04, 0, 1, 7]), client('203.0.113.9')], // with a TLV
    [bin(0x20, 0x11, V4), undefined], // LOCAL
    [bin(0x20, 0x00, []), undefined],
    [bin(0x21, 0x00, []), undefined],
    [bin(0x21, 0x31, Array<number>(216).fill(47)), undefined], // AF_UNIX
  ])('%j names its client', (header, named) => {
    const bytes = Buffer.from(header as string, 'latin1')
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('GET /')]))).toEqual({ client: named, size: bytes.length })
    for (let cut = 1; cut < bytes.length; cut += 1) expect(readProxyHeader(bytes.subarray(0, cut))).toBe(PARTIAL)
  })

  it.each([
    'PROXY TCP4 203.0.113.9 192.0.2.1 51234\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 51234 443 1\r\n',
    'PROXY TCP4 203.0.113.9  192.0.2.1 51234 443\r\n',
    'PROXY TCP4 203.0.113.999 192.0.2.1 51234 443\r\n',
    'PROXY TCP4 2001:db8::9 ::1 51234 443\r\n',
    'PROXY TCP6 203.0.113.9 192.0.2.1 51234 443\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 51234 443\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 1 0443\r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 -1 443\r\n',
    'PROXY UDP4 203.0.113.9 192.0.2.1 51234 443\r\n',
    'PROXY \r\n',
    'PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\n'.padEnd(120, ' '),
    `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
    bin(0x11, 0x11, V4), // version 1
    bin(0x22, 0x11, V4), // no such command
    bin(0x21, 0x41, V4), // no such family
    bin(0x21, 0x13, V4), // no such transport
    bin(0x21, 0x11, V4.slice(0, 8)), // too short for its addresses
    bin(0x21, 0x21, V4),
  ])('%j is malformed', (header) => expect(readProxyHeader(Buffer.from(header as string, 'latin1'))).toBe(MALFORMED))

  it.each(['POST / HTTP/1.1\r\n', 'PROPFIND / HTTP/1.1\r\n', 'GET', '\r\nGET / HTTP/1.1', '\x16\x03\x01', 'PROXY', 'P'])(
    'is not what begins with %j, as far as can be seen',
    (text) => expect(readProxyHeader(Buffer.from(text, 'latin1'))).toBe('PROXY '.startsWith(text) ? PARTIAL : ABSENT),
  )

  it('of any bytes is read without a throw, and never reaches beyond them', () =>
    fc.assert(
      fc.property(fc.constantFrom('PROXY ', SIGNATURE, ''), fc.uint8Array({ maxLength: 300 }), (start, tail) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), tail])
        const read = readProxyHeader(bytes)
        if (typeof read !== 'number') expect(read.size).toBeLessThanOrEqual(bytes.length)
      }),
    ))
})
