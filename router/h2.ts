import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { Exchange } from './exchange.ts'
import type { Origin } from './forwarded.ts'
import { BODY } from './http1/fields.ts'
import { fieldOf, readRequest, type RequestHead } from './http1/request.ts'
import { httpDate, type ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { House, Peer } from './peer.ts'
import type { Guest } from './serving.ts'

const SETTINGS = { maxConcurrentStreams: 128, maxHeaderListSize: 65_536, enablePush: false }

/** One HTTP/2 connection: each stream is an Exchange, as HTTP/1.1 to the app. Rapid resets are nghttp2's to count (CVE-2023-44487). */
export function h2Session(house: House, socket: Socket, origin: Origin): Guest {
  const session = performServerHandshake(socket, { settings: SETTINGS, maxSessionMemory: 10 }) as ServerHttp2Session
  const guest: Guest = { drain: () => session.close(), destroy: () => session.destroy() }
  session.on('error', () => {})
  session.on('close', () => house.onGone(guest))
  session.setTimeout(house.limits.idleMs, () => session.close())
  session.on('stream', (stream, headers, flags) => {
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    new StreamPeer(house, stream, origin).begin(headers, isWhole)
  })
  if (house.isDraining) guest.drain()
  return guest
}

/** One request of an HTTP/2 connection. */
class StreamPeer implements Peer {
  due = Infinity
  readonly takesFraming = false
  accept = ''
  #exchange: Exchange | undefined
  #trailers = ''
  #isChunked = false

  constructor(
    private readonly house: House,
    private readonly stream: ServerHttp2Stream,
    readonly origin: Origin,
  ) {
    stream.on('error', () => {})
    stream.on('drain', () => this.#exchange?.clientDrained())
    stream.on('close', () => this.#closed())
    stream.on('wantTrailers', () => stream.sendTrailers(toObject(this.#trailers)))
    house.sweeper.add(this)
  }

  begin(headers: IncomingHttpHeaders, isWhole: boolean): void {
    const head = readHead(headers)
    if (typeof head === 'number') return this.#refuse(head)
    if (!isWhole && head.body === BODY.none) head.body = BODY.chunked
    if (isWhole) head.body = BODY.none
    this.accept = fieldOf(head.kept, 'accept') ?? ''
    this.#isChunked = head.body === BODY.chunked
    const exchange = new Exchange(this.house, this, head)
    this.#exchange = exchange
    if (!isWhole) this.stream.pause()
    exchange.start()
    this.stream.on('data', (chunk: Buffer) => this.#send(chunk))
    this.stream.on('end', () => this.#sent())
    if (!isWhole && !exchange.isOpen) this.stream.pause()
  }

  #refuse(status: number): void {
    this.stream.respond({ ':status': status, date: httpDate() }, { endStream: true })
    this.house.sweeper.delete(this)
  }

  #send(chunk: Buffer): void {
    const exchange = this.#exchange
    if (!exchange) return
    if (this.#isChunked) exchange.sendText(`${chunk.length.toString(16)}\r\n`)
    exchange.send(chunk, 0, chunk.length)
    if (this.#isChunked) exchange.sendText('\r\n')
    exchange.sendPause()
  }

  #sent(): void {
    const exchange = this.#exchange
    if (!exchange || exchange.isBodyDone) return
    if (this.#isChunked) exchange.sendText('0\r\n\r\n')
    exchange.isBodyDone = true
    exchange.sendPause()
  }

  #closed(): void {
    this.house.sweeper.delete(this)
    this.#exchange?.clientGone()
  }

  overdue(): void {
    this.#exchange?.overdue()
  }

  backlog = () => this.stream.writableLength
  pauseBody = () => void this.stream.pause()
  resumeBody(): void {
    this.#exchange?.sendFlush()
    this.stream.resume()
  }

  info(head: ResponseHead): void {
    if (head.status !== 100 && this.#isOpen()) this.stream.additionalHeaders({ ':status': head.status, ...toObject(head.kept) })
    else if (this.#isOpen()) this.stream.additionalHeaders({ ':status': 100 })
  }

  head(head: ResponseHead): void {
    if (!this.#isOpen()) return
    const headers: Record<string, number | string | string[]> = { ':status': head.status, ...toObject(head.kept) }
    const length = head.body === BODY.length ? head.length : head.saysLength
    if (length >= 0) headers['content-length'] = String(length)
    this.stream.respond(headers, { waitForTrailers: fieldOf(head.kept, 'trailer') !== undefined })
  }

  bytes(buf: Buffer, start: number, end: number): void {
    if (this.#isOpen() && end > start) this.stream.write(Buffer.from(buf.subarray(start, end)))
  }

  flush = () => !this.stream.writableNeedDrain

  end(trailers: string): void {
    this.#trailers = trailers
    if (this.#isOpen()) this.stream.end()
    if (!this.#exchange!.isBodyDone) this.stream.close(constants.NGHTTP2_NO_ERROR)
  }

  tunnel(): void {
    this.cut()
  }

  halfClose(): void {}

  page(status: number, requestId: string, { type, body }: Page): number {
    if (!this.#isOpen()) return 0
    const length = Buffer.byteLength(body)
    this.stream.respond({
      ':status': status, date: httpDate(), 'content-type': type, 'content-length': String(length), 'cache-control': 'no-store',
      'x-request-id': requestId,
    }) // prettier-ignore
    this.stream.end(body)
    return length
  }

  cut(): void {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  done(): void {
    this.#exchange = undefined
    this.stream.resume()
  }

  #isOpen = () => !this.stream.destroyed && !this.stream.closed
}

/** The same strict reader as for HTTP/1.1 sees the request, spelled as one; a number is the status that refuses it. */
function readHead(headers: IncomingHttpHeaders): RequestHead | number {
  const { ':method': method, ':path': path, ':authority': authority, ...rest } = headers
  const host = authority ?? headers.host
  if (method === 'CONNECT' || method === 'TRACE') return 405
  if (typeof method !== 'string' || typeof path !== 'string' || typeof host !== 'string') return 400
  if (!path.startsWith('/') && path !== '*') return 400
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith(':') || name === 'host') continue
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) text += `${name}: ${one}\r\n`
  }
  const bytes = Buffer.from(`${text}\r\n`, 'latin1')
  const head = readRequest(bytes, 0, bytes.length)
  if (typeof head === 'number') return head === -2 || head === -3 ? 431 : 400
  if (head.size !== bytes.length) return 400
  head.minor = 2
  head.upgrade = undefined
  if (head.expect !== undefined && head.expect.toLowerCase() !== '100-continue') return 417
  return head
}

function toObject(lines: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]
  }
  return headers
}
