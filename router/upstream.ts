import type { Code } from './codes.ts'
import { Chunked } from './http1/chunked.ts'
import { BODY, INCOMPLETE } from './http1/fields.ts'
import { HeadReader } from './http1/head-reader.ts'
import { isLasting, MAX_RESPONSE_HEAD, readResponse, type ResponseHead } from './http1/response.ts'
import { dialWire } from './raw-wire.ts'
import type { Target } from './routes.ts'
import type { Sweeper } from './sweeper.ts'
import type { Wire, WireListener } from './wire.ts'
import { Writer } from './writer.ts'

/** What a connection to an app tells the request that holds it. */
export interface Holder {
  readonly method: string
  /** Whether chunked framing is passed on as it is. */
  readonly takesFraming: boolean
  readonly wantsUpgrade: boolean
  onInfo(head: ResponseHead): void
  onHead(head: ResponseHead): void
  onTunnel(head: ResponseHead): void
  /** Body bytes, or tunnel bytes. Valid during the call only. */
  onBytes(buf: Buffer, start: number, end: number): void
  /** The bytes of one read are all handed over. */
  onPause(): void
  /** The response is complete; `isReusable` as far as the response says. */
  onEnd(trailers: string, isReusable: boolean): void
  /** The app's side of a tunnel has ended. */
  onHalfClose(): void
  onDrain(): void
  /** Nothing more comes. H17: what came is no HTTP. H13: closed without a response. H18: closed within one. */
  onFail(code: 'H13' | 'H17' | 'H18', hadBytes: boolean): void
}

const HEAD = 0
const BODY_ = 1
const TUNNEL = 2
const IDLE = 3

/** A pooled connection's life without a word from the app: below the shortest keep-alive in use (gunicorn's 2 s). */
const IDLE_MS = 1_500
const MAX_IDLE_MS = 10_000
const MAX_INFOS = 32
const HEADS = { maxBytes: MAX_RESPONSE_HEAD, parse: readResponse, isLasting }

/** One connection to an app: reads responses for the request that holds it, then waits in the target's pool for the next. */
export class Upstream implements WireListener {
  due = Infinity
  idleSince = 0
  readonly writer: Writer
  #holder: Holder | undefined
  #state = IDLE
  readonly #heads = new HeadReader<ResponseHead>(HEADS)
  #head: ResponseHead | undefined
  #left = 0
  #chunked: Chunked | undefined
  #infos = 0
  #hadBytes = false
  #isDestroyed = false

  constructor(
    readonly target: Target,
    readonly wire: Wire,
    private readonly sweeper: Sweeper,
  ) {
    this.writer = new Writer(wire)
    sweeper.add(this)
    wire.open(this)
  }

  /** For one request. The head is written by the holder. */
  hold(holder: Holder): void {
    this.#holder = holder
    this.#state = HEAD
    this.#infos = 0
    this.#hadBytes = false
    this.due = Infinity
  }

  /** Back into the target's pool. */
  release(now: number): void {
    const hinted = this.#head?.keepAliveS
    this.#holder = undefined
    this.#head = undefined
    this.#state = IDLE
    this.wire.resume()
    this.idleSince = now
    this.due = now + (hinted ? Math.min(Math.max(hinted * 1000 - 1_000, 500), MAX_IDLE_MS) : IDLE_MS)
    this.target.keep(this)
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#holder = undefined
    this.sweeper.delete(this)
    this.target.forget(this)
    this.wire.destroy()
  }

  overdue(): void {
    if (this.#state === IDLE) this.destroy()
  }

  onDrain(): void {
    this.#holder?.onDrain()
  }

  /** An app may answer, and close, before it has read the whole request (RFC 9112 section 9.5): its answer is still read. */
  onWriteError(): void {
    if (this.#holder) this.#holder.onDrain()
    else this.destroy()
  }

  onBytes(buf: Buffer, end: number): void {
    if (!this.#holder) return this.destroy()
    this.#hadBytes = true
    let pos = 0
    while (pos < end && this.#holder) {
      if (this.#state === HEAD) pos = this.#readHead(buf, pos, end)
      else if (this.#state === BODY_) pos = this.#readBody(buf, pos, end)
      else if (this.#state === TUNNEL) {
        this.#holder.onBytes(buf, pos, end)
        pos = end
      } else return
    }
    this.#holder?.onPause()
  }

  #readHead(buf: Buffer, pos: number, end: number): number {
    const head = this.#heads.read(buf, pos, end, this.#holder!.method)
    if (head === INCOMPLETE) return end
    if (typeof head === 'number') return this.#fail('H17', end)
    const { next } = this.#heads
    if (head.status < 200) return this.#informed(head) ? next : this.#fail('H17', end)
    this.#begin(head, next, end)
    return next
  }

  /** False when an interim response was not called for: 101 without an upgrade, or too many. */
  #informed(head: ResponseHead): boolean {
    if (head.status === 101) {
      if (!this.#holder!.wantsUpgrade || head.upgrade === undefined) return false
      this.#state = TUNNEL
      this.#holder!.onTunnel(head)
      return true
    }
    this.#infos += 1
    this.#holder!.onInfo(head)
    return this.#infos <= MAX_INFOS
  }

  #begin(head: ResponseHead, pos: number, end: number): void {
    this.#head = head
    this.#state = BODY_
    this.#left = head.length
    this.#chunked = head.body === BODY.chunked ? new Chunked(this.#holder!.takesFraming) : undefined
    this.#holder!.onHead(head)
    if (head.body === BODY.none || (head.body === BODY.length && head.length === 0)) this.#complete('', pos === end)
  }

  #readBody(buf: Buffer, pos: number, end: number): number {
    const holder = this.#holder!
    if (this.#chunked) return this.#readChunked(this.#chunked, buf, pos, end)
    if (this.#head!.body === BODY.untilClose) {
      holder.onBytes(buf, pos, end)
      return end
    }
    const next = Math.min(end, pos + this.#left)
    this.#left -= next - pos
    holder.onBytes(buf, pos, next)
    if (this.#left === 0) this.#complete('', next === end)
    return next
  }

  #readChunked(chunked: Chunked, buf: Buffer, pos: number, end: number): number {
    const next = chunked.read(buf, pos, end)
    const { ranges } = chunked
    for (let i = 0; i < ranges.length && this.#holder; i += 2) this.#holder.onBytes(buf, ranges[i]!, ranges[i + 1]!)
    if (chunked.isFailed) return this.#fail('H17', end)
    if (chunked.isDone) this.#complete(chunked.trailers, next === end)
    return next
  }

  /** `isClean`: no byte came after the response, so that the connection may serve another (never a response to nobody). */
  #complete(trailers: string, isClean: boolean): void {
    this.#state = IDLE
    this.#holder!.onEnd(trailers, isClean && !this.#head!.isLast)
  }

  onEnd(): void {
    if (!this.#holder) return this.destroy()
    if (this.#state === TUNNEL) return this.#holder.onHalfClose()
    if (this.#state === BODY_ && this.#head!.body === BODY.untilClose) this.#complete('', false)
    else this.onClose()
  }

  onClose(): void {
    if (this.#holder) this.#fail(this.#state === HEAD ? 'H13' : 'H18', 0)
    this.destroy()
  }

  #fail(code: 'H13' | 'H17' | 'H18', end: number): number {
    const holder = this.#holder!
    this.#holder = undefined
    holder.onFail(code, this.#hadBytes)
    this.destroy()
    return end
  }
}

const OUT_OF_DESCRIPTORS = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'EAGAIN'])

/** Connects to `target`. `done` is called once: with the connection, or with why there is none. Returns what gives up early. */
export function dial(target: Target, sweeper: Sweeper, timeoutMs: number, done: (result: Upstream | Code) => void): () => void {
  const cancel = dialWire(target.host, target.port, (result) => {
    clearTimeout(timer)
    if (typeof result !== 'string') done(new Upstream(target, result, sweeper))
    else done(result === 'ETIMEDOUT' ? 'H19' : OUT_OF_DESCRIPTORS.has(result) ? 'H22' : 'H21')
  })
  const timer = setTimeout(() => {
    cancel()
    done('H19')
  }, timeoutMs)
  return () => {
    clearTimeout(timer)
    cancel()
  }
}
