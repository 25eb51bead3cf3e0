import { Extension } from './extension.ts'
import { CR, Fields, LF, readFields } from './fields.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER = 6
const DONE = 7
const FAILED = 8

const SEMICOLON = 59
const MAX_TRAILERS = 16_384
const MAX_DIGITS = 14

/** Fields that may not come after the body: framing, routing, control (RFC 9110 section 6.5.1), and the router's own. */
const NOT_IN_TRAILERS = new Set([
  'transfer-encoding', 'content-length', 'host', 'connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'expect', 'proxy', 'authorization',
  'proxy-authorization', 'proxy-authenticate', 'proxy-connection', 'cookie', 'set-cookie', 'content-encoding', 'content-type', 'content-range',
  'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'x-request-id', 'x-request-start',
  'via', 'http2-settings',
]) // prettier-ignore

const fields = new Fields()

/**
 * A strict reader of the chunked coding (RFC 9112 section 7.1). `read` leaves in `ranges` the offsets to pass on: with framing (`raw`)
 * everything but extensions and trailers, else the data alone.
 */
export class Chunked {
  /** start, end, start, end … of the last `read`. */
  readonly ranges: number[] = []
  /** Trailer lines that may pass, once `isDone`. */
  trailers = ''
  /** Of data, so far. */
  bytes = 0
  #state = SIZE
  #left = 0
  #digits = 0
  #extension: Extension | undefined
  /** Trailer bytes so far; undefined while none has come. */
  #tail: Buffer | undefined

  constructor(readonly isRaw: boolean) {}

  get isDone(): boolean {
    return this.#state === DONE
  }
  get isFailed(): boolean {
    return this.#state === FAILED
  }

  /** Reads from `pos`; returns where it stopped: `end`, or the position after the last chunk's end. */
  read(buf: Buffer, pos: number, end: number): number {
    this.ranges.length = 0
    while (pos < end && this.#state < DONE) {
      if (this.#state === DATA) pos = this.#data(pos, end)
      else if (this.#state === TRAILER) pos = this.#trailer(buf, pos, end)
      else {
        this.#byte(buf[pos]!, pos)
        pos += 1
      }
    }
    return pos
  }

  #data(pos: number, end: number): number {
    const next = Math.min(end, pos + this.#left)
    this.#pass(pos, next)
    this.bytes += next - pos
    this.#left -= next - pos
    if (this.#left === 0) this.#state = DATA_CR
    return next
  }

  /** One byte of framing. */
  #byte(byte: number, pos: number): void {
    if (this.#state === SIZE) return this.#size(byte, pos)
    if (this.#state === EXTENSION) {
      if (byte === CR && this.#extension!.mayEnd) this.#expectLf(pos)
      else if (!this.#extension!.read(byte)) this.#state = FAILED
      return
    }
    if (this.isRaw) this.#pass(pos, pos + 1)
    if (this.#state === SIZE_LF) this.#state = byte !== LF ? FAILED : this.#left === 0 ? TRAILER : DATA
    else if (this.#state === DATA_CR) this.#state = byte === CR ? DATA_LF : FAILED
    else {
      this.#state = byte === LF ? SIZE : FAILED
      this.#digits = 0
    }
  }

  #size(byte: number, pos: number): void {
    const digit = hex(byte)
    if (digit >= 0) {
      if (this.#digits === 0) this.#left = 0
      this.#digits += 1
      this.#left = this.#left * 16 + digit
      if (this.#digits > MAX_DIGITS || this.#left > Number.MAX_SAFE_INTEGER) this.#state = FAILED
      if (this.isRaw) this.#pass(pos, pos + 1)
    } else if (this.#digits === 0) this.#state = FAILED
    else if (byte === CR) this.#expectLf(pos)
    else {
      this.#state = byte === SEMICOLON ? EXTENSION : FAILED
      ;(this.#extension ??= new Extension()).begin()
    }
  }

  #expectLf(pos: number): void {
    if (this.isRaw) this.#pass(pos, pos + 1)
    this.#state = SIZE_LF
  }

  /** Collects trailers whole, then checks them: their empty line ends the body. */
  #trailer(buf: Buffer, pos: number, end: number): number {
    const before = this.#tail?.length ?? 0
    const all = this.#tail ? Buffer.concat([this.#tail, buf.subarray(pos, end)]) : buf.subarray(pos, end)
    const stop = readFields(all, 0, all.length, fields, 8_192)
    if (stop < 0 || (stop === 0 && all.length > MAX_TRAILERS)) {
      this.#state = FAILED
      return end
    }
    if (stop === 0) {
      this.#tail = Buffer.from(all)
      return end
    }
    this.trailers = withoutForbidden(all.toString('latin1', 0, stop - 2))
    this.#state = DONE
    return pos + stop - before
  }

  #pass(start: number, end: number): void {
    const { ranges } = this
    if (ranges.length > 0 && ranges[ranges.length - 1] === start) ranges[ranges.length - 1] = end
    else ranges.push(start, end)
  }
}

function withoutForbidden(lines: string): string {
  return lines
    .split(/(?<=\r\n)/)
    .filter((line) => line !== '' && !NOT_IN_TRAILERS.has(line.slice(0, line.indexOf(':')).toLowerCase().replaceAll('_', '-')))
    .join('')
}

function hex(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
