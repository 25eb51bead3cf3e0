import { isIP } from 'node:net'

/** Who connected to the load balancer, and to which of its ports. */
export type Client = { address: string; port: number }
/** `client` is undefined when the balancer speaks for itself (health checks). `size`: bytes of the header. */
export type ProxyHeader = { client: Client | undefined; size: number }

/** More bytes may make it one. */
export const PARTIAL = 0
/** It begins as something else: there is no header. */
export const ABSENT = -1
/** It begins as one and is none: nothing on this connection can be believed. */
export const MALFORMED = -2

const V1 = Buffer.from('PROXY ')
const V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Of a version 1 header, its CRLF included: "worst case" of the specification. */
const MAX_V1 = 107
const V2_HEAD = 16

/** Reads the header of the PROXY protocol, version 1 or 2 (haproxy's doc/proxy-protocol.txt), that a load balancer puts before all else. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | number {
  if (begins(bytes, V1)) return bytes.length < V1.length ? PARTIAL : readText(bytes)
  if (begins(bytes, V2)) return bytes.length < V2_HEAD ? PARTIAL : readBinary(bytes)
  return ABSENT
}

/** As far as there are bytes. */
function begins(bytes: Buffer, signature: Buffer): boolean {
  const size = Math.min(bytes.length, signature.length)
  return bytes.compare(signature, 0, size, 0, size) === 0
}

/** "PROXY TCP4 203.0.113.9 192.0.2.1 51234 443\r\n" */
function readText(bytes: Buffer): ProxyHeader | number {
  const end = bytes.subarray(0, MAX_V1).indexOf('\r\n')
  if (end < 0) return bytes.length < MAX_V1 ? PARTIAL : MALFORMED
  const line = bytes.toString('latin1', 0, end)
  if (/^PROXY UNKNOWN( .*)?$/.test(line)) return { client: undefined, size: end + 2 }
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line)
  if (!match) return MALFORMED
  const [, family, source, destination, from, to] = match
  const isRight = isAddress(source!, family!) && isAddress(destination!, family!) && isPort(from!) && isPort(to!)
  return isRight ? { client: { address: source!, port: Number(to) }, size: end + 2 } : MALFORMED
}

/** Without a zone ("%eth0"), which means nothing here. */
const isAddress = (text: string, family: string) => isIP(text) === Number(family) && !text.includes('%')
const isPort = (text: string) => Number(text) <= 65535 && (text === '0' || !text.startsWith('0'))

const LOCAL = 0
const PROXY = 1

function readBinary(bytes: Buffer): ProxyHeader | number {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 15]
  const size = V2_HEAD + bytes.readUInt16BE(14)
  if (version !== 2 || command > PROXY) return MALFORMED
  const family = bytes[13]! >> 4
  if (family > 3 || (bytes[13]! & 15) > 2) return MALFORMED
  if (bytes.length < size) return PARTIAL
  if (command === LOCAL) return { client: undefined, size }
  if (family === 1) return size >= V2_HEAD + 12 ? { client: clientOf(bytes, 4), size } : MALFORMED
  if (family === 2) return size >= V2_HEAD + 36 ? { client: clientOf(bytes, 16), size } : MALFORMED
  return { client: undefined, size } // unspecified, or a unix socket
}

/** Two addresses of `length` bytes, then two ports. */
function clientOf(bytes: Buffer, length: number): Client {
  const address = bytes.subarray(V2_HEAD, V2_HEAD + length)
  return { address: length === 4 ? address.join('.') : textOf6(address), port: bytes.readUInt16BE(V2_HEAD + 2 * length + 2) }
}

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')

/** Canonical (RFC 5952), as URL writes them; IPv4 in IPv6 as what it is. */
function textOf6(address: Buffer): string {
  if (address.subarray(0, 12).equals(MAPPED)) return address.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
