import { constants, performServerHandshake, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Origin } from './forwarded.ts'
import { StreamPeer } from './h2-stream.ts'
import type { House } from './peer.ts'
import type { Guest } from './serving.ts'
import type { Due } from './sweeper.ts'

const SETTINGS = { maxConcurrentStreams: 128, maxHeaderListSize: 65_536, enablePush: false, enableConnectProtocol: true }
/** Megabytes that nghttp2 holds for one connection. */
const SESSION_MEMORY = 10
/** Fields of one request, and its pseudo-fields. */
const MAX_FIELDS = 1_004
/** Requests that a client may reset before their answer: so many at once, and so many more each second (CVE-2023-44487). */
const RESETS = 300
const RESETS_PER_S = 30
/** So long after a request began or ended, it is looked whether nghttp2 still does anything. */
const LOOK_MS = 4_000

/** Of a handle below a socket. */
type Counts = { bytesWritten: number; writeQueueSize: number }

/** One HTTP/2 connection: each stream is an Exchange, as HTTP/1.1 to the app. */
export class H2Session implements Guest, Due {
  due = Infinity
  readonly #session: ServerHttp2Session
  #streams = 0
  #resets = 0
  #countedAt = performance.now()
  #idleUntil = Infinity
  /** Bytes that had been written before the ping that is looked for. */
  #writtenBefore: number | undefined

  constructor(
    private readonly house: House,
    private readonly socket: Socket,
    private readonly origin: Origin,
  ) {
    const options = { settings: SETTINGS, maxSessionMemory: SESSION_MEMORY, maxHeaderListPairs: MAX_FIELDS }
    this.#session = performServerHandshake(socket, options) as ServerHttp2Session
    this.#wait(performance.now())
    house.sweeper.add(this)
    // An HTTP/2 connection has no half that is open: without its client, nobody takes what is still to be said.
    socket.on('end', () => this.destroy())
    this.#session.on('error', () => {})
    this.#session.on('close', () => {
      house.sweeper.delete(this)
      house.onGone(this)
    })
    this.#listen()
    if (house.isDraining) this.drain()
  }

  /** The server stops: what runs is answered. */
  drain(): void {
    this.#session.close()
  }

  destroy(): void {
    this.#session.destroy()
  }

  /** No request for long: pings, settings and half a head are none. */
  overdue(now: number): void {
    if (this.#session.destroyed) this.socket.destroy()
    else if (now >= this.#idleUntil) this.destroy()
    else if (this.#writtenBefore === undefined) this.#ping()
    else if (this.#isGivenUp(this.#writtenBefore)) this.destroy()
    else {
      this.#writtenBefore = undefined
      this.due = Math.min(now + this.house.limits.idleMs, this.#idleUntil)
    }
  }

  /** The next sweep sees whether it went out. */
  #ping(): void {
    this.#writtenBefore = this.#handle?.bytesWritten ?? 0
    this.#session.ping(() => {})
  }

  /** After a connection error nghttp2 says GOAWAY, then neither hears nor says anything, of which Node does not tell: what it should say stays. */
  #isGivenUp(writtenBefore: number): boolean {
    const { bytesWritten = 0, writeQueueSize = 0 } = this.#handle ?? {}
    return bytesWritten === writtenBefore && writeQueueSize === 0 && (this.#session.state.outboundQueueSize ?? 0) > 0
  }

  get #handle(): Counts | null | undefined {
    return (this.socket as unknown as { _handle?: Counts | null })._handle
  }

  #wait(now: number): void {
    const { idleMs } = this.house.limits
    this.#idleUntil = this.#streams === 0 ? now + idleMs : Infinity
    this.due = now + Math.min(LOOK_MS, idleMs)
  }

  #listen(): void {
    this.#session.on('stream', (stream, headers, flags) => {
      this.#streams += 1
      this.#wait(performance.now())
      stream.on('close', () => this.#ended(stream.aborted))
      new StreamPeer(this.house, stream, this.origin).begin(headers, (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0)
    })
  }

  #ended(isReset: boolean): void {
    this.#streams -= 1
    const now = performance.now()
    this.#wait(now)
    if (!isReset) return
    this.#resets = Math.max(0, this.#resets - ((now - this.#countedAt) / 1000) * RESETS_PER_S) + 1
    this.#countedAt = now
    if (this.#resets > RESETS) this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
}
