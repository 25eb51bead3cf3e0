import { hostOf } from '../routes.ts'
import { BAD, BAD_VERSION, BODY, CR, Fields, ID, INCOMPLETE, IS_TOKEN, LF, LINE_TOO_LONG, parseLength, readFields, tokensOf } from './fields.ts' // prettier-ignore

/** A request as the router needs it. Texts are latin1: one character per byte. */
export type RequestHead = {
  method: string
  /** Origin form ("/a?b") or "*", as it goes to the app. */
  target: string
  /** Of HTTP/1.x; 2 is HTTP/2. */
  minor: 0 | 1 | 2
  /** For the lookup: lower case, no port. */
  host: string
  /** End-to-end field lines, each with its CRLF; framing and the router's own headers are not among them. */
  kept: string
  body: number
  /** Of the body, when `body` is BODY.length. */
  length: number
  /** The client wants or must have the connection closed after the answer. */
  isLast: boolean
  /** HTTP/1.0 with keep-alive: the answer must say so. */
  saysKeepAlive: boolean
  upgrade: string | undefined
  /** RFC 9110 section 10.1.1: "100-continue" passes on, anything else is 417. */
  expect: string | undefined
  requestId: string | undefined
  forwardedFor: string | undefined
  forwardedProto: string | undefined
  forwardedPort: string | undefined
  /** X-Real-IP, Forwarded and X-Forwarded-Host lines: passed on from trusted proxies only. */
  claims: string
  via: string | undefined
  /** Bytes of the head. */
  size: number
}

const REPLAYABLE = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])
/** May be sent once more when nobody knows whether it arrived: idempotent (RFC 9110 section 9.2.2), and without a body that is gone. */
export const isReplayable = ({ body, method }: RequestHead): boolean => body === BODY.none && REPLAYABLE.has(method)

const MAX_LINE = 8_192
const fields = new Fields()

/** Reads a request head at `start`. A number is INCOMPLETE or a refusal: BAD, TOO_LARGE, LINE_TOO_LONG, BAD_VERSION. */
export function readRequest(buf: Buffer, start: number, end: number): RequestHead | number {
  let pos = start
  // RFC 9112 section 2.2: one empty line before the request line is ignored.
  if (buf[pos] === CR) {
    if (pos + 1 >= end) return INCOMPLETE
    if (buf[pos + 1] !== LF) return BAD
    pos += 2
  }
  const lineEnd = readLine(buf, pos, end)
  if (lineEnd <= 0) return lineEnd
  const headEnd = readFields(buf, lineEnd + 2, end, fields, MAX_LINE)
  if (headEnd <= 0) return headEnd
  const text = buf.toString('latin1', start, headEnd)
  const head = parseLine(text.slice(pos - start, lineEnd - start))
  if (typeof head === 'number') return head
  head.size = headEnd - start
  return interpret(head, text, start)
}

/** Finds the request line's CR. The bytes before it are checked here: printable, no control characters. */
function readLine(buf: Buffer, pos: number, end: number): number {
  let p = pos
  while (p < end && buf[p]! > 31 && buf[p] !== 127) p += 1
  if (p - pos > MAX_LINE) return LINE_TOO_LONG
  if (p < end && buf[p] !== CR) return BAD
  if (p + 1 >= end) return INCOMPLETE
  return buf[p + 1] === LF ? p : BAD
}

function parseLine(line: string): RequestHead | number {
  const first = line.indexOf(' ')
  const last = line.lastIndexOf(' ')
  if (first < 1 || last === first) return BAD
  const method = line.slice(0, first)
  const target = line.slice(first + 1, last)
  if (target === '' || target.includes(' ') || target.includes('#') || !isToken(method)) return BAD
  const version = line.slice(last + 1)
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') return /^HTTP\/\d\.\d$/.test(version) ? BAD_VERSION : BAD
  return {
    method, target, minor: version === 'HTTP/1.1' ? 1 : 0, host: '', kept: '', body: BODY.none, length: 0, isLast: version === 'HTTP/1.0',
    saysKeepAlive: false, upgrade: undefined, expect: undefined, requestId: undefined, forwardedFor: undefined, forwardedProto: undefined,
    forwardedPort: undefined, claims: '', via: undefined, size: 0,
  } // prettier-ignore
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (IS_TOKEN[text.charCodeAt(i)] !== 1) return false
  return true
}

/** What the fields say, in one pass; `kept` is cut out of the text in as few pieces as there are dropped lines between. */
function interpret(head: RequestHead, text: string, base: number): RequestHead | number {
  const found: Found = { host: undefined, length: undefined, coding: undefined, connection: undefined }
  let from = -1
  for (let i = 0; i < fields.count; i += 1) {
    const id = fields.ids[i]!
    const isKept = id === ID.other || id === ID.host || id === ID.date || id === ID.trailer
    if (isKept && from < 0) from = fields.start(i)
    if (!isKept && from >= 0) {
      head.kept += text.slice(from - base, fields.start(i) - base)
      from = -1
    }
    if (id === ID.other) continue
    const value = text.slice(fields.valueStart(i) - base, fields.valueEnd(i) - base)
    if (!note(head, found, id, value)) return BAD
    if (id === ID.clientClaim) head.claims += text.slice(fields.start(i) - base, fields.end(i) - base)
  }
  if (from >= 0) head.kept += text.slice(from - base, fields.end(fields.count - 1) - base)
  return settle(head, found)
}

type Found = { host: string | undefined; length: string | undefined; coding: string | undefined; connection: string | undefined }

/** False when a field that may be there once is there twice. */
function note(head: RequestHead, found: Found, id: number, value: string): boolean {
  switch (id) {
    case ID.host:
      if (found.host !== undefined) return false
      found.host = value
      return true
    case ID.contentLength:
      if (found.length !== undefined) return false
      found.length = value
      return true
    case ID.transferEncoding:
      if (found.coding !== undefined) return false
      found.coding = value
      return true
    case ID.connection:
      found.connection = list(found.connection, value)
      return true
    case ID.upgrade:
      head.upgrade = list(head.upgrade, value)
      return true
    case ID.expect:
      head.expect = list(head.expect, value)
      return true
    default:
      return noteOurs(head, id, value)
  }
}

function noteOurs(head: RequestHead, id: number, value: string): boolean {
  if (id === ID.forwardedFor) head.forwardedFor = list(head.forwardedFor, value)
  else if (id === ID.via) head.via = list(head.via, value)
  else if (id === ID.requestId) head.requestId = list(head.requestId, value)
  else if (id === ID.forwardedProto) head.forwardedProto = list(head.forwardedProto, value)
  else if (id === ID.forwardedPort) head.forwardedPort = list(head.forwardedPort, value)
  return true
}

const list = (before: string | undefined, value: string) => (before === undefined ? value : `${before}, ${value}`)

function settle(head: RequestHead, found: Found): RequestHead | number {
  if (found.host === undefined || !frame(head, found)) return BAD
  if (head.target.charCodeAt(0) !== 47) {
    const authority = retarget(head)
    if (authority === undefined) return BAD
    if (authority !== '') {
      head.kept = `Host: ${authority}\r\n${without(head.kept, ['host'])}`
      if (hostOf(found.host) === undefined && found.host !== '') return BAD
      found.host = authority
    }
  }
  const host = hostOf(found.host)
  if (host === undefined) return BAD
  head.host = host
  if (found.connection !== undefined) connect(head, found.connection)
  else head.upgrade = undefined
  // RFC 9110 section 10.1.1: from a client of HTTP/1.0 it means nothing.
  if (head.minor === 0) head.expect = undefined
  return head
}

/** RFC 9112 section 6: anything that two readers could frame differently is refused. */
function frame(head: RequestHead, { length, coding }: Found): boolean {
  if (coding !== undefined) {
    if (length !== undefined || head.minor === 0 || coding.toLowerCase() !== 'chunked') return false
    head.body = BODY.chunked
  } else if (length !== undefined) {
    head.length = parseLength(length)
    if (head.length < 0) return false
    head.body = BODY.length
  }
  return true
}

/** Absolute form → origin form; answers the authority, which outranks Host (RFC 9112 section 3.2.2). "" for "*"; undefined = refused. */
function retarget(head: RequestHead): string | undefined {
  if (head.target === '*') return head.method === 'OPTIONS' ? '' : undefined
  if (head.method === 'CONNECT') return ''
  const match = /^https?:\/\/([^/?]+)(\/[^]*|\?[^]*)?$/i.exec(head.target)
  if (!match || hostOf(match[1]!) === undefined) return undefined
  const rest = match[2] ?? ''
  head.target = rest === '' && head.method === 'OPTIONS' ? '*' : rest.startsWith('/') ? rest : `/${rest}`
  return match[1]
}

/** What `Connection` may not name away: it would change the routing. */
const UNTOUCHABLE = new Set(['close', 'keep-alive', 'upgrade', 'host', ''])

function connect(head: RequestHead, connection: string): void {
  if (head.minor === 1 && connection === 'keep-alive') {
    head.upgrade = undefined
    return
  }
  const tokens = tokensOf(connection)
  if (tokens.includes('close')) head.isLast = true
  else if (head.minor === 0 && tokens.includes('keep-alive')) {
    head.isLast = false
    head.saysKeepAlive = true
  }
  const hasBody = head.body !== BODY.none && (head.body !== BODY.length || head.length > 0)
  const isPlain = head.upgrade === undefined || !tokens.includes('upgrade') || head.minor === 0 || hasBody
  // h2c would open a tunnel that no rule of this router reaches (RFC 9113 section 3.1 removed it).
  if (isPlain || /(^|[\s,])(h2c|tls)/i.test(head.upgrade!)) head.upgrade = undefined
  const named = tokens.filter((token) => !UNTOUCHABLE.has(token))
  if (named.length > 0) head.kept = without(head.kept, named)
}

/** Field lines except those with one of `names` (lower case). As many names as a client likes cost no more than one pass. */
export function without(lines: string, names: Iterable<string>): string {
  const dropped = new Set(names)
  let kept = ''
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf('\r\n', at) + 2
    if (!dropped.has(lines.slice(at, lines.indexOf(':', at)).toLowerCase())) kept += lines.slice(at, end)
    at = end
  }
  return kept
}

/** The value of the first field line named `name` (lower case). */
export function fieldOf(lines: string, name: string): string | undefined {
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf('\r\n', at)
    const colon = lines.indexOf(':', at)
    if (colon - at === name.length && lines.slice(at, colon).toLowerCase() === name) return lines.slice(colon + 1, end).trim()
    at = end + 2
  }
  return undefined
}
