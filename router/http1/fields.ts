/** What a reader answers instead of a length: more bytes are needed, or the head is refused. */
export const INCOMPLETE = 0
export const BAD = -1
export const TOO_LARGE = -2
export const LINE_TOO_LONG = -3
export const BAD_VERSION = -4

export const CR = 13
export const LF = 10
const SP = 32
const HTAB = 9
const COLON = 58
const UNDERSCORE = 95
const DASH = 45

/** RFC 9110 section 5.6.2: tchar. */
export const IS_TOKEN = table(/[!#$%&'*+.^_`|~0-9A-Za-z-]/)
/** RFC 9110 section 5.5: field-vchar, SP and HTAB; no other control character, so no bare CR or LF. */
export const IS_VALUE = table(/[\t\x20-\x7e\x80-\xff]/)

function table(allowed: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (allowed.test(String.fromCharCode(code)) ? 1 : 0))
}

/** Fields that mean something to the router. Everything else is 0. */
export const ID = {
  other: 0, host: 1, contentLength: 2, transferEncoding: 3, connection: 4, upgrade: 5, expect: 6, forwardedFor: 7, forwardedProto: 8,
  forwardedPort: 9, requestId: 10, requestStart: 11, via: 12, hopByHop: 13, keepAlive: 14, date: 15, disguised: 16, clientClaim: 17,
  trailer: 18,
} as const // prettier-ignore

const NAMES: readonly (readonly [string, number])[] = [
  ['te', ID.hopByHop],
  ['via', ID.via],
  ['host', ID.host],
  ['date', ID.date],
  // httpoxy, CVE-2016-5385
  ['proxy', ID.hopByHop],
  ['expect', ID.expect],
  ['upgrade', ID.upgrade],
  ['trailer', ID.trailer],
  ['forwarded', ID.clientClaim],
  ['x-real-ip', ID.clientClaim],
  ['connection', ID.connection],
  ['keep-alive', ID.keepAlive],
  ['x-request-id', ID.requestId],
  ['content-length', ID.contentLength],
  ['http2-settings', ID.hopByHop],
  ['x-forwarded-for', ID.forwardedFor],
  ['x-request-start', ID.requestStart],
  ['x-forwarded-port', ID.forwardedPort],
  ['x-forwarded-host', ID.clientClaim],
  ['proxy-connection', ID.hopByHop],
  ['x-forwarded-proto', ID.forwardedProto],
  ['transfer-encoding', ID.transferEncoding],
  ['proxy-authenticate', ID.hopByHop],
  ['proxy-authorization', ID.hopByHop],
]
const BY_LENGTH: (readonly (readonly [string, number])[])[] = Array.from({ length: 20 }, (_, length) =>
  NAMES.filter(([name]) => name.length === length),
)

/** A name spelled with "_" for "-" is what CGI-like servers cannot tell from the real one: `disguised`. */
function identify(buf: Buffer, from: number, to: number): number {
  const candidates = to - from < 20 ? BY_LENGTH[to - from]! : NONE
  for (let i = 0; i < candidates.length; i += 1) {
    const [name, id] = candidates[i]!
    const match = compare(buf, from, name)
    if (match !== 0) return match === 1 ? id : ID.disguised
  }
  return ID.other
}
const NONE: readonly (readonly [string, number])[] = []

/** 1 = the same but for case, 2 = the same but for case and underscores, 0 = another name. */
function compare(buf: Buffer, from: number, name: string): 0 | 1 | 2 {
  let result: 1 | 2 = 1
  for (let i = 0; i < name.length; i += 1) {
    const want = name.charCodeAt(i)
    const got = buf[from + i]!
    if (got === want || (got | 32) === want) {
      if (want !== DASH || got === DASH) continue
      return 0
    }
    if (want !== DASH || got !== UNDERSCORE) return 0
    result = 2
  }
  return result
}

const MAX_FIELDS = 1_000
const STRIDE = 4

/** The field lines of the head read last: shared, so valid only until the next read. Offsets are into the buffer read. */
export class Fields {
  count = 0
  readonly #at = new Int32Array(MAX_FIELDS * STRIDE)
  readonly ids = new Uint8Array(MAX_FIELDS)

  start = (i: number) => this.#at[i * STRIDE]!
  valueStart = (i: number) => this.#at[i * STRIDE + 1]!
  valueEnd = (i: number) => this.#at[i * STRIDE + 2]!
  /** After the line's CRLF. */
  end = (i: number) => this.#at[i * STRIDE + 3]!

  add(id: number, start: number, valueStart: number, valueEnd: number, end: number): void {
    const i = this.count * STRIDE
    this.ids[this.count] = id
    this.#at[i] = start
    this.#at[i + 1] = valueStart
    this.#at[i + 2] = valueEnd
    this.#at[i + 3] = end
    this.count += 1
  }
}

/**
 * Reads field lines from `pos` to the empty line that ends them. Returns the position after it, or INCOMPLETE, BAD, TOO_LARGE.
 * Strict by RFC 9112 section 5: CRLF only, no fold, no white space around the name, no control characters.
 */
export function readFields(buf: Buffer, pos: number, end: number, fields: Fields, maxLine: number): number {
  fields.count = 0
  for (;;) {
    if (pos >= end) return INCOMPLETE
    if (buf[pos] === CR) return pos + 1 >= end ? INCOMPLETE : buf[pos + 1] === LF ? pos + 2 : BAD
    const next = readField(buf, pos, end, fields, maxLine)
    if (next <= 0) return next
    pos = next
  }
}

function readField(buf: Buffer, pos: number, end: number, fields: Fields, maxLine: number): number {
  let p = pos
  while (p < end && IS_TOKEN[buf[p]!] === 1) p += 1
  if (p >= end) return p - pos > maxLine ? TOO_LARGE : INCOMPLETE
  if (p === pos || buf[p] !== COLON) return BAD
  const colon = p
  p += 1
  while (p < end && (buf[p] === SP || buf[p] === HTAB)) p += 1
  const valueStart = p
  while (p < end && IS_VALUE[buf[p]!] === 1) p += 1
  if (p - pos > maxLine) return TOO_LARGE
  if (p < end && buf[p] !== CR) return BAD
  if (p + 1 >= end) return INCOMPLETE
  if (buf[p + 1] !== LF) return BAD
  if (fields.count === MAX_FIELDS) return TOO_LARGE
  let valueEnd = p
  while (valueEnd > valueStart && (buf[valueEnd - 1] === SP || buf[valueEnd - 1] === HTAB)) valueEnd -= 1
  fields.add(identify(buf, pos, colon), pos, valueStart, valueEnd, p + 2)
  return p + 2
}

/** How the length of a body is known. */
export const BODY = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const

/** Content-Length by RFC 9110 section 8.6: digits, at most 2^53 - 1; -1 for anything else, a list included. */
export function parseLength(text: string): number {
  if (text.length === 0 || text.length > 15) return -1
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code < 48 || code > 57) return -1
  }
  return Number(text)
}

/** The members of a Connection header, lower case. */
export const tokensOf = (value: string): string[] => value.toLowerCase().split(',').map((token) => token.trim()) // prettier-ignore
