import { BAD, BODY, CR, Fields, ID, INCOMPLETE, IS_VALUE, LF, parseLength, readFields, TOO_LARGE, tokensOf } from './fields.ts'
import { without } from './request.ts'

/** An app's response as the router needs it. */
export type ResponseHead = {
  status: number
  reason: string
  /** End-to-end field lines, each with its CRLF, without framing. */
  kept: string
  body: number
  length: number
  /** A Content-Length that says what a GET would have had (HEAD, 304): passed on, but frames nothing. */
  saysLength: number
  /** The app closes the connection after it. */
  isLast: boolean
  upgrade: string | undefined
  /** Seconds of `Keep-Alive: timeout=`, when the app tells it. */
  keepAliveS: number | undefined
  /** The app said when it answered; if not, `kept` has the time at which the head was read. */
  hasDate: boolean
  /** Once it was said: the whole head for a client of HTTP/1.1 whose connection goes on. */
  text: string
  size: number
}

export const MAX_RESPONSE_HEAD = 512 * 1024
const fields = new Fields()

/** Reads a response head at `start`; `method` decides about the body (RFC 9112 section 6.3). A number is INCOMPLETE or a refusal. */
export function readResponse(buf: Buffer, start: number, end: number, method: string): ResponseHead | number {
  const lineEnd = readLine(buf, start, end)
  if (lineEnd <= 0) return lineEnd
  const headEnd = readFields(buf, lineEnd + 2, end, fields, MAX_RESPONSE_HEAD)
  if (headEnd <= 0) return headEnd === INCOMPLETE && end - start > MAX_RESPONSE_HEAD ? TOO_LARGE : headEnd
  if (headEnd - start > MAX_RESPONSE_HEAD) return TOO_LARGE
  const text = buf.toString('latin1', start, headEnd)
  const minor = text.startsWith('HTTP/1.1 ') ? 1 : text.startsWith('HTTP/1.0 ') ? 0 : -1
  const status = Number(text.slice(9, 12))
  if (minor < 0 || !/^[1-5]\d\d(?: |$)/.test(text.slice(9, Math.min(13, lineEnd - start)))) return BAD
  const head: ResponseHead = {
    status, reason: text.slice(13, Math.max(13, lineEnd - start)), kept: '', body: BODY.none, length: 0, saysLength: -1, isLast: minor === 0,
    upgrade: undefined, keepAliveS: undefined, hasDate: false, text: '', size: headEnd - start,
  } // prettier-ignore
  return interpret(head, text, start, method, minor)
}

function readLine(buf: Buffer, pos: number, end: number): number {
  let p = pos
  while (p < end && IS_VALUE[buf[p]!] === 1) p += 1
  if (p - pos > MAX_RESPONSE_HEAD) return TOO_LARGE
  if (p < end && buf[p] !== CR) return BAD
  // Refuse at once what will never become a status line, so that a foreign protocol's greeting is not waited for.
  if (p - pos >= 5 && buf.toString('latin1', pos, pos + 5) !== 'HTTP/') return BAD
  if (p + 1 >= end) return INCOMPLETE
  return buf[p + 1] === LF && p - pos >= 12 ? p : BAD
}

type Found = { length: string | undefined; coding: string | undefined; connection: string | undefined }

function interpret(head: ResponseHead, text: string, base: number, method: string, minor: number): ResponseHead | number {
  const found: Found = { length: undefined, coding: undefined, connection: undefined }
  let from = -1
  for (let i = 0; i < fields.count; i += 1) {
    const id = fields.ids[i]!
    const isKept = !IS_DROPPED[id]
    if (isKept && from < 0) from = fields.start(i)
    if (!isKept && from >= 0) {
      head.kept += text.slice(from - base, fields.start(i) - base)
      from = -1
    }
    if (id === ID.other) continue
    if (!note(head, found, id, text.slice(fields.valueStart(i) - base, fields.valueEnd(i) - base))) return BAD
  }
  if (from >= 0) head.kept += text.slice(from - base, fields.end(fields.count - 1) - base)
  if (found.connection !== undefined) connect(head, found.connection, minor)
  // RFC 9110 section 6.6.1
  if (!head.hasDate && head.status >= 200) head.kept += `Date: ${httpDate()}\r\n`
  return frame(head, found, method, minor) ? head : BAD
}

const IS_DROPPED: readonly boolean[] = Object.values(ID).map((id) =>
  ([ID.contentLength, ID.transferEncoding, ID.connection, ID.upgrade, ID.hopByHop, ID.keepAlive] as number[]).includes(id),
)

function note(head: ResponseHead, found: Found, id: number, value: string): boolean {
  switch (id) {
    case ID.contentLength:
      if (found.length !== undefined) return false
      found.length = value
      return true
    case ID.transferEncoding:
      if (found.coding !== undefined) return false
      found.coding = value
      return true
    case ID.connection:
      found.connection = found.connection === undefined ? value : `${found.connection}, ${value}`
      return true
    case ID.upgrade:
      head.upgrade = value
      return true
    case ID.keepAlive:
      head.keepAliveS = Number(/timeout=(\d{1,6})/i.exec(value)?.[1] ?? NaN)
      return true
    case ID.date:
      head.hasDate = true
      return true
    default:
      return true
  }
}

function connect(head: ResponseHead, connection: string, minor: number): void {
  if (minor === 1 && connection === 'keep-alive') return
  const tokens = tokensOf(connection)
  if (tokens.includes('close')) head.isLast = true
  else if (minor === 0 && tokens.includes('keep-alive')) head.isLast = false
  const named = tokens.filter((token) => token !== '' && token !== 'close' && token !== 'keep-alive' && token !== 'upgrade')
  if (named.length > 0) head.kept = without(head.kept, named)
}

/** RFC 9112 section 6.3, without its leniencies: a response that two readers could frame differently is refused. */
function frame(head: ResponseHead, { length, coding }: Found, method: string, minor: number): boolean {
  if (length !== undefined && coding !== undefined) return false
  // RFC 9110 sections 15.2 and 8.6: HTTP/1.0 has no interim responses, and one has no length and is not the last. 101 is met with a length of 0.
  const isInterim = head.status < 200 && head.status !== 101
  if ((head.status < 200 && minor === 0) || (isInterim && (length !== undefined || head.isLast))) return false
  if (coding !== undefined && (minor === 0 || coding.toLowerCase() !== 'chunked')) return false
  const size = length === undefined ? -1 : parseLength(length)
  if (length !== undefined && size < 0) return false
  if (head.status < 200 || head.status === 204) return true
  if (method === 'HEAD' || head.status === 304) head.saysLength = size
  else if (coding !== undefined) head.body = BODY.chunked
  else if (length === undefined) head.body = BODY.untilClose
  else {
    head.body = BODY.length
    head.length = size
  }
  if (head.body === BODY.untilClose) head.isLast = true
  return true
}

/** Whether the same bytes would be read as the same head whenever they come. */
export const isLasting = ({ status, hasDate }: ResponseHead): boolean => status >= 200 && hasDate

let dateText = ''
let dateSecond = 0

/** The Date header's value now, made once a second. */
export function httpDate(): string {
  const now = Date.now()
  const second = Math.floor(now / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(now).toUTCString()
  }
  return dateText
}
