import { randomUUID } from 'node:crypto'

/** RFC 9110 section 7.6.1, and `Proxy` (httpoxy, CVE-2016-5385): never passed on, in either direction. */
const HOP_BY_HOP = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'proxy',
]) // prettier-ignore

/** Set by the router alone: a client's own are replaced, and naming them in `Connection` changes nothing (CVE-2024-45410). */
const OURS = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-request-id', 'x-request-start', 'via'])

/** Header lines as they came: name, value, name, value. */
export type RawHeaders = readonly string[]

/** The values of `name` (lower case), joined by ", " (RFC 9110 section 5.3); undefined when there is none. */
export function valueOf(raw: RawHeaders, name: string): string | undefined {
  let found: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() === name) found = found === undefined ? raw[i + 1]! : `${found}, ${raw[i + 1]}`
  }
  return found
}

/** What passes on: everything but hop-by-hop headers and those that `Connection` names. Spelling and order are kept. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = new Set((valueOf(raw, 'connection') ?? '').split(',').map((name) => name.trim().toLowerCase()))
  const kept: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (HOP_BY_HOP.has(name) || (named.has(name) && !OURS.has(name) && !NEVER_DROPPED.has(name))) continue
    kept.push(raw[i]!, raw[i + 1]!)
  }
  return kept
}

/** Framing and routing would change if `Connection` could name these away. */
const NEVER_DROPPED = new Set(['host', 'content-length', 'close', 'keep-alive', ''])

export type Forwarded = { requestId: string; fwd: string; proto: 'http' | 'https'; port: number; startedAt: number }

/** The request's headers for the app: end-to-end ones, then the router's own. */
export function requestHeaders(raw: RawHeaders, { requestId, fwd, proto, port, startedAt }: Forwarded): string[] {
  const kept = endToEnd(raw)
  const headers: string[] = []
  for (let i = 0; i < kept.length; i += 2) {
    const name = kept[i]!.toLowerCase()
    if (!OURS.has(name)) headers.push(kept[i]!, kept[i + 1]!)
  }
  const via = valueOf(raw, 'via')
  headers.push('X-Forwarded-For', fwd, 'X-Forwarded-Proto', proto, 'X-Forwarded-Port', String(port))
  headers.push('X-Request-Id', requestId, 'X-Request-Start', String(startedAt), 'Via', via ? `${via}, 1.1 dozen` : '1.1 dozen')
  return headers
}

/** A client's X-Request-Id is kept when it has 20–128 of [A-Za-z0-9-]; else the router makes one. */
export const requestIdOf = (raw: RawHeaders): string => {
  const sent = valueOf(raw, 'x-request-id')
  return sent !== undefined && /^[A-Za-z0-9-]{20,128}$/.test(sent) ? sent : randomUUID()
}

/** "203.0.113.9" → "203.0.113.9"; "198.51.100.1" before it when the client sent a chain. */
export const forwardedFor = (raw: RawHeaders, peer: string): string => {
  const sent = valueOf(raw, 'x-forwarded-for')
  return sent ? `${sent}, ${peer}` : peer
}
