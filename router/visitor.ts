import { Answers } from './answers.ts'
import { Exchange } from './exchange.ts'
import { passageOf, type Origin, type Passage } from './forwarded.ts'
import { Chunked } from './http1/chunked.ts'
import { BODY, INCOMPLETE } from './http1/fields.ts'
import { HeadReader } from './http1/head-reader.ts'
import { ALLOW, refusalOf } from './http1/reasons.ts'
import { fieldOf, readRequest, type RequestHead } from './http1/request.ts'
import type { ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { House, Peer } from './peer.ts'
import { NOBODY } from './tally.ts'
import type { Wire, WireListener } from './wire.ts'

/** A whole request head; single lines and their number have limits of their own. */
const MAX_HEAD = 512 * 1024
/** A head must be whole so long after its first byte. */
const HEAD_MS = 30_000
/** After the last answer: time for the client to read it before unread bytes of its own would reset the connection. */
const LINGER_MS = 5_000

const NO_BYTES = Buffer.alloc(0)
const HEADS = { maxBytes: MAX_HEAD, parse: readRequest, isLasting: ({ isLast }: RequestHead) => !isLast }

/** One client connection that speaks HTTP/1.x: one request after the other, each an Exchange; answers keep the order of requests. */
export class Visitor implements Peer, WireListener {
  due = Infinity
  readonly #answers: Answers
  readonly #heads = new HeadReader<RequestHead>(HEADS)
  #exchange: Exchange | undefined
  #request: RequestHead | undefined
  #passage: Passage | undefined
  /** What was read and not used yet: the next request, or a body that has nowhere to go. */
  #stash: Buffer = NO_BYTES
  #left = 0
  #chunked: Chunked | undefined
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
    this.#answers = new Answers(wire)
    shared.sweeper.add(this)
    this.due = shared.sweeper.in(Math.min(HEAD_MS, shared.limits.idleMs))
    wire.open(this)
  }

  get takesFraming(): boolean {
    return this.#request!.minor === 1
  }
  get accept(): string {
    return fieldOf(this.#request!.kept, 'accept') ?? ''
  }
  get isIdle(): boolean {
    return !this.#exchange && !this.#heads.isWithin
  }
  backlog = () => this.wire.backlog()

  overdue(now: number): void {
    if (this.#exchange) return this.#exchange.overdue()
    const waiting = this.backlog()
    if (waiting > 0 && waiting !== this.#lastBacklog) {
      // A slow reader of the last answer is not idle.
      this.#lastBacklog = waiting
      this.due = now + this.shared.limits.idleMs
    } else if (this.#heads.isWithin) this.#refuse(408, 'The request did not arrive in time.')
    else this.destroy()
  }

  destroy(): void {
    this.wire.destroy()
    this.onClose()
  }

  /** The server stops: this request is the last one, or one that comes within `farewellMs`. */
  drain(farewellMs: number): void {
    if (!this.isIdle) this.#answers.isLast = true
    else if (this.backlog() > 0) this.#linger()
    else if (farewellMs > 0) this.due = Math.min(this.due, this.shared.sweeper.in(farewellMs))
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
    if (exchange && (exchange.isBodyDone || this.#stash.length > 0)) this.#answers.isLast ||= this.#stash.length === 0
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
    const wasWithin = this.#heads.isWithin
    const head = this.#heads.read(buf, pos, end)
    if (head === INCOMPLETE) {
      if (!wasWithin) this.due = this.shared.sweeper.in(Math.min(HEAD_MS, this.shared.limits.idleMs))
      return end
    }
    if (typeof head === 'number') {
      this.#refuse(...refusalOf(head))
      return end
    }
    const { next } = this.#heads
    this.#begin(head)
    return next
  }

  #begin(head: RequestHead): void {
    if (head !== this.#request) this.#passage = passageOf(head, this.origin)
    this.#request = head
    this.#answers.to(head)
    if (head.isLast || this.shared.isDraining) this.#answers.isLast = true
    this.#left = head.length
    this.#chunked = head.body === BODY.chunked ? new Chunked(true) : undefined
    if (head.expect !== undefined && head.expect.toLowerCase() !== '100-continue') {
      return this.#refuse(417, 'Only "Expect: 100-continue" is understood.')
    }
    if (head.method === 'CONNECT' || head.method === 'TRACE') return this.#refuse(405, `${head.method} is not allowed here.`)
    this.#exchange = new Exchange(this.shared, this, head, this.#passage!)
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
    if (exchange.isTooLarge(chunked.bytes)) return end
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
    this.#answers.info(head)
  }

  head(head: ResponseHead): void {
    if (!this.#exchange!.isBodyDone || this.shared.isDraining) this.#answers.isLast = true
    this.#answers.head(head)
  }

  retract(): boolean {
    return this.#answers.retract()
  }

  bytes(buf: Buffer, start: number, end: number): void {
    this.#answers.bytes(buf, start, end)
  }

  flush(): boolean {
    return this.#answers.flush()
  }

  end(trailers: string): void {
    this.#answers.end(trailers)
  }

  tunnel(head: ResponseHead): void {
    this.#answers.tunnel(head)
  }

  halfClose(): void {
    this.wire.end()
  }

  page(status: number, requestId: string, page: Page): number {
    if (!this.#exchange?.isBodyDone || this.shared.isDraining) this.#answers.isLast = true
    return this.#answers.page(status, requestId, page)
  }

  /** An answer without an exchange; the connection ends with it. */
  #refuse(status: number, message: string): void {
    this.#answers.isLast = true
    this.shared.tally.count(NOBODY, { status, sent: message.length + 1, received: 0 })
    this.page(status, '', { type: 'text/plain; charset=utf-8', body: `${message}\n`, fields: status === 405 ? ALLOW : '' })
    this.#linger()
  }

  cut(): void {
    this.#exchange = undefined
    this.destroy()
  }

  done(): void {
    this.#exchange = undefined
    if (this.#isDestroyed) return
    if (this.#answers.isLast) return this.#isFarewell() ? this.destroy() : this.#linger()
    this.due = this.shared.sweeper.in(this.shared.limits.idleMs)
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
    this.due = this.shared.sweeper.in(LINGER_MS)
  }
}
