import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { LINE_TOO_LONG, TOO_LARGE } from './http1/fields.ts'
import { readRequest, type RequestHead } from './http1/request.ts'

/**
 * The same strict reader as for HTTP/1.1 sees the request, spelled as one; a number is the status that refuses it. A WebSocket by
 * extended CONNECT (RFC 8441) is spelled as the upgrade that the app knows.
 */
export function readHead(headers: IncomingHttpHeaders): RequestHead | number {
  const isSocket = isWebSocket(headers)
  const head = readRequestText(requestText(headers, isSocket))
  if (typeof head === 'number') return head
  head.minor = 2
  if (!isSocket) head.upgrade = undefined
  if (head.expect !== undefined && head.expect.toLowerCase() !== '100-continue') return 417
  return head
}

export const isWebSocket = (headers: IncomingHttpHeaders): boolean =>
  headers[':method'] === 'CONNECT' && headers[':protocol'] === 'websocket'

/** A number is the status that refuses it. */
function requestText(headers: IncomingHttpHeaders, isSocket: boolean): string | number {
  const { ':method': method, ':path': path, ':authority': authority, ...rest } = headers
  const host = authority ?? headers.host
  if ((method === 'CONNECT' && !isSocket) || method === 'TRACE') return 405
  if (typeof method !== 'string' || typeof path !== 'string' || typeof host !== 'string') return 400
  if (!path.startsWith('/') && path !== '*') return 400
  let text = `${isSocket ? 'GET' : method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith(':') || name === 'host' || (isSocket && name === 'sec-websocket-key')) continue
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) text += `${name}: ${one}\r\n`
  }
  if (isSocket)
    text += `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n`
  return `${text}\r\n`
}

function readRequestText(text: string | number): RequestHead | number {
  if (typeof text === 'number') return text
  const bytes = Buffer.from(text, 'latin1')
  const head = readRequest(bytes, 0, bytes.length)
  if (typeof head === 'number') return head === TOO_LARGE || head === LINE_TOO_LONG ? 431 : 400
  return head.size === bytes.length ? head : 400
}

/** Field lines as Node's HTTP/2 takes them: it throws at a field said twice that it would have once. The first one counts. */
export function toObject(lines: string): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else if (!SAID_ONCE.has(name)) headers[name] = [before, value]
  }
  return headers
}

const SAID_ONCE = new Set([
  'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age', 'authorization', 'content-encoding',
  'content-language', 'content-length', 'content-location', 'content-md5', 'content-range', 'content-type', 'date', 'dnt', 'etag', 'expires',
  'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'location',
  'max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after', 'tk', 'upgrade-insecure-requests', 'user-agent',
  'x-content-type-options',
]) // prettier-ignore
