import { Exchange } from './exchange.ts'
import type { House, Peer } from './peer.ts'
import type { Origin } from './forwarded.ts'
import { Chunked } from './http1/chunked.ts'
import { BAD_VERSION, BODY, INCOMPLETE, LINE_TOO_LONG, TOO_LARGE } from './http1/fields.ts'
import { HeadBuffer } from './http1/head-buffer.ts'
import { fieldOf, readRequest, type RequestHead } from './http1/request.ts'
import { httpDate, type ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { Wire, WireListener } from './wire.ts'
import { Writer } from './writer.ts'

/** A whole request head; single lines and their number have limits of their own. */
const MAX_HEAD = 512 * 1024
/** A head must be whole so long after its first byte. */
const HEAD_MS = 30_000
/** After the last answer: time for the client to read it before unread bytes of its own would reset the connection. */
const LINGER_MS = 5_000

const NO_BYTES = Buffer.alloc(0)

/** One client connection that speaks HTTP/1.x: one request after the other, each an Exchange; answers keep the order of requests. */
export class Visitor implements Peer, WireListener {
  due: number
  readonly #writer: Writer
  #exchange: Exchange | undefined
  #request: RequestHead | undefined
  #partial: HeadBuffer | undefined
  /** What was read and not used yet: the next request, or a body that has nowhere to go. */
  #stash: Buffer = NO_BYTES
  #left = 0
  #chunked: Chunked | undefined
  #isLast = false
  /** The app's chunked framing passes through. */
  #isFramed = false
  /** The app's body has no framing but its end: it gets one. */
  #isChunking = false
  #lastBacklog = 0
  #isConsuming = false
  #isLingering = false
  #isHalfClosed = false
  #isDestroyed = false

  constructor(
    private readonly shared: House,
    private readonly wire: Wire,
    readonly origin: Origin,
  ) {
    this.#writer = new Writer(wire)
    this.due = performance.now() + Math.min(HEAD_MS, shared.limits.idleMs)
    shared.sweeper.add(this)
    wire.open(this)
  }

  get takesFraming(): boolean {
    return this.#request!.minor === 1
  }
  get accept(): string {
    return fieldOf(this.#request!.kept, 'accept') ?? ''
  }
  get isIdle(): boolean {
    return !this.#exchange && !this.#partial
  }
  backlog = () => this.wire.backlog()

  overdue(now: number): void {
    if (this.#exchange) return this.#exchange.overdue()
    const waiting = this.backlog()
    if (waiting > 0 && waiting !== this.#lastBacklog) {
      // A slow reader of the last answer is not idle.
      this.#lastBacklog = waiting
      this.due = now + this.shared.limits.idleMs
    } else if (this.#partial) this.#refuse(408, 'The request did not arrive in time.')
    else this.destroy()
  }

  destroy(): void {
    this.wire.destroy()
    this.onClose()
  }

  /** The server stops: this request is the last one. */
  drain(): void {
    if (!this.isIdle) this.#isLast = true
    else if (this.backlog() > 0) this.#linger()
    else this.destroy()
  }

  onClose(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.shared.sweeper.delete(this)
    this.shared.onGone(this)
    this.#exchange?.clientGone()
  }

  onWriteError(): void {
    this.destroy()
  }

  /** The client has sent all it will. A request that is whole is still answered (half-close). */
  onEnd(): void {
    this.#isHalfClosed = true
    const exchange = this.#exchange
    if (exchange?.isTunnel) return exchange.clientHalfClosed()
    if (exchange && (exchange.isBodyDone || this.#stash.length > 0)) this.#isLast ||= this.#stash.length === 0
    else if (!exchange && this.wire.backlog() > 0) this.wire.end()
    else this.destroy()
  }

  onDrain(): void {
    if (this.#exchange) this.#exchange.clientDrained()
    else if (!this.#isLingering) this.resumeBody()
  }

  onBytes(buf: Buffer, end: number): void {
    if (this.#isLingering) return
    if (this.#stash.length === 0) return this.#consume(buf, end)
    const bytes = Buffer.concat([this.#stash, buf.subarray(0, end)])
    this.#stash = NO_BYTES
    this.#consume(bytes, bytes.length)
  }

  /** Uses bytes up as far as they can be used now. */
  #consume(buf: Buffer, end: number): void {
    this.#isConsuming = true
    let pos = 0
    while (pos < end && !this.#isLingering && !this.#isDestroyed) {
      const exchange = this.#exchange
      if (!exchange && !this.wire.isBlocked) pos = this.#readHead(buf, pos, end)
      else if (!exchange) return this.#hold(buf, pos, end)
      else if (exchange.isTunnel && exchange.isOpen) pos = this.#readTunnel(exchange, buf, pos, end)
      else if (!exchange.isBodyDone && exchange.isOpen) pos = this.#readBody(exchange, buf, pos, end)
      else return this.#hold(buf, pos, end)
    }
    this.#isConsuming = false
    this.#exchange?.sendFlush()
  }

  /** Keeps what cannot be used now, and takes no more: a body without a target, the next request, one whose answer nobody would read. */
  #hold(buf: Buffer, pos: number, end: number): void {
    this.#stash = Buffer.from(buf.subarray(pos, end))
    this.wire.pause()
    this.#isConsuming = false
    this.#exchange?.sendFlush()
  }

  #readHead(buf: Buffer, pos: number, end: number): number {
    const before = this.#partial?.bytes.length ?? 0
    if (this.#partial && !this.#partial.add(buf, pos, end)) return this.#checkSize(end)
    const bytes = this.#partial ? this.#partial.bytes : buf
    const head = readRequest(bytes, this.#partial ? 0 : pos, this.#partial ? bytes.length : end)
    if (head === INCOMPLETE) {
      if (!this.#partial) {
        ;(this.#partial = new HeadBuffer(MAX_HEAD)).add(buf, pos, end)
        this.due = performance.now() + Math.min(HEAD_MS, this.shared.limits.idleMs)
      }
      return this.#checkSize(end)
    }
    this.#partial = undefined
    if (typeof head === 'number') {
      this.#refuseHead(head)
      return end
    }
    this.#begin(head)
    return pos + head.size - before
  }

  #checkSize(end: number): number {
    if (this.#partial!.bytes.length > MAX_HEAD) this.#refuseHead(TOO_LARGE)
    return end
  }

  #refuseHead(why: number): void {
    this.#partial = undefined
    if (why === TOO_LARGE) this.#refuse(431, 'The header is too large.')
    else if (why === LINE_TOO_LONG) this.#refuse(414, 'The request line is longer than 8 KiB.')
    else if (why === BAD_VERSION) this.#refuse(505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.')
    else this.#refuse(400, 'This is not a valid HTTP request.')
  }

  #begin(head: RequestHead): void {
    this.#request = head
    this.#isLast ||= head.isLast || this.shared.isDraining
    this.#left = head.length
    this.#chunked = head.body === BODY.chunked ? new Chunked(true) : undefined
    if (head.expect !== undefined && head.minor === 0) head.expect = undefined
    if (head.expect !== undefined && head.expect.toLowerCase() !== '100-continue') {
      return this.#refuse(417, 'Only "Expect: 100-continue" is understood.')
    }
    if (head.method === 'CONNECT' || head.method === 'TRACE') return this.#refuse(405, `${head.method} is not allowed here.`)
    this.#exchange = new Exchange(this.shared, this, head)
    this.#exchange.start()
  }

  #readBody(exchange: Exchange, buf: Buffer, pos: number, end: number): number {
    if (this.#chunked) return this.#readChunked(exchange, this.#chunked, buf, pos, end)
    const next = Math.min(end, pos + this.#left)
    this.#left -= next - pos
    exchange.isBodyDone = this.#left === 0
    exchange.send(buf, pos, next)
    exchange.sendPause()
    return next
  }

  #readChunked(exchange: Exchange, chunked: Chunked, buf: Buffer, pos: number, end: number): number {
    const next = chunked.read(buf, pos, end)
    if (chunked.isFailed) {
      this.#exchange = undefined
      exchange.clientGone()
      this.#refuse(400, 'The chunked body is not valid.')
      return end
    }
    const { ranges } = chunked
    for (let i = 0; i < ranges.length; i += 2) exchange.send(buf, ranges[i]!, ranges[i + 1]!)
    if (chunked.isDone) {
      exchange.sendText(`${chunked.trailers}\r\n`)
      exchange.isBodyDone = true
    }
    exchange.sendPause()
    return next
  }

  #readTunnel(exchange: Exchange, buf: Buffer, pos: number, end: number): number {
    exchange.send(buf, pos, end)
    exchange.sendPause()
    return end
  }

  pauseBody(): void {
    this.wire.pause()
  }

  resumeBody(): void {
    if (this.#isConsuming || this.#isDestroyed) return
    const stash = this.#stash
    this.#stash = NO_BYTES
    if (stash.length > 0) this.#consume(stash, stash.length)
    else this.#exchange?.sendFlush()
    if (this.#stash.length === 0) this.wire.resume()
  }

  info(head: ResponseHead): void {
    if (this.#request!.minor === 0) return
    this.#writer.text(`HTTP/1.1 ${head.status} ${head.reason}\r\n${head.kept}\r\n`)
  }

  head(head: ResponseHead): void {
    const isModern = this.#request!.minor === 1
    let framing = ''
    if (head.body === BODY.length) framing = `Content-Length: ${head.length}\r\n`
    else if (head.saysLength >= 0) framing = `Content-Length: ${head.saysLength}\r\n`
    else if (head.body !== BODY.none && isModern) framing = 'Transfer-Encoding: chunked\r\n'
    else if (head.body !== BODY.none) this.#isLast = true
    this.#isFramed = head.body === BODY.chunked && isModern
    this.#isChunking = head.body === BODY.untilClose && isModern
    if (!this.#exchange!.isBodyDone || this.shared.isDraining) this.#isLast = true
    this.#writer.text(`HTTP/1.1 ${head.status} ${head.reason}\r\n${head.kept}${framing}${this.#persistence()}\r\n`)
  }

  #persistence(): string {
    return this.#isLast ? 'Connection: close\r\n' : this.#request?.saysKeepAlive ? 'Connection: keep-alive\r\n' : ''
  }

  bytes(buf: Buffer, start: number, end: number): void {
    if (start === end) return
    if (this.#isChunking) this.#writer.text(`${(end - start).toString(16)}\r\n`)
    this.#writer.bytes(buf, start, end)
    if (this.#isChunking) this.#writer.text('\r\n')
  }

  flush(): boolean {
    return this.#writer.flush()
  }

  end(trailers: string): void {
    if (this.#isChunking) this.#writer.text('0\r\n\r\n')
    else if (this.#isFramed) this.#writer.text(`${trailers}\r\n`)
    this.#writer.flush()
  }

  tunnel(head: ResponseHead): void {
    this.#writer.text(`HTTP/1.1 101 ${head.reason}\r\n${head.kept}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`)
  }

  halfClose(): void {
    this.wire.end()
  }

  page(status: number, requestId: string, { type, body }: Page): number {
    if (!this.#exchange?.isBodyDone) this.#isLast = true
    const length = Buffer.byteLength(body)
    const head =
      `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\nCache-Control: no-store\r\n` +
      `Date: ${httpDate()}\r\n${requestId === '' ? '' : `X-Request-Id: ${requestId}\r\n`}${this.#persistence()}\r\n`
    const isHead = this.#request?.method === 'HEAD'
    this.#writer.flush()
    this.wire.write(isHead ? head : head + Buffer.from(body).toString('latin1'))
    return isHead ? 0 : length
  }

  /** An answer without an exchange; the connection ends with it. */
  #refuse(status: number, message: string): void {
    this.#isLast = true
    this.page(status, '', { type: 'text/plain; charset=utf-8', body: `${message}\n` })
    this.#linger()
  }

  cut(): void {
    this.#exchange = undefined
    this.wire.destroy()
  }

  done(): void {
    this.#exchange = undefined
    if (this.#isDestroyed) return
    if (this.#isLast) return this.#isFarewell() ? this.destroy() : this.#linger()
    this.due = performance.now() + this.shared.limits.idleMs
    if (this.#isConsuming) return
    this.resumeBody()
    if (this.#isHalfClosed && this.isIdle) this.wire.end()
  }

  /** The client asked for the end, had no body to send, and the kernel has all of the answer: nothing can be lost by closing. */
  #isFarewell(): boolean {
    const { isLast, body } = this.#request!
    return !this.origin.isTls && isLast && body === BODY.none && this.#stash.length === 0 && this.backlog() === 0
  }

  /** Says goodbye, then reads what still comes for a while: closing at once could reset the answer away (RFC 9112 section 9.6). */
  #linger(): void {
    this.#isLingering = true
    this.#exchange = undefined
    this.#stash = NO_BYTES
    this.wire.end()
    this.wire.resume()
    this.due = performance.now() + LINGER_MS
  }
}

const REASONS: Record<number, string> = {
  400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout', 414: 'URI Too Long', 417: 'Expectation Failed',
  421: 'Misdirected Request', 431: 'Request Header Fields Too Large', 503: 'Service Unavailable', 505: 'HTTP Version Not Supported',
} // prettier-ignore
