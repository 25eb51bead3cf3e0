import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Exchange } from './exchange.ts'
import { passageOf, type Origin } from './forwarded.ts'
import { isWebSocket, readHead, toObject } from './h2-fields.ts'
import { BODY } from './http1/fields.ts'
import { fieldOf } from './http1/request.ts'
import { httpDate, type ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { House, Peer } from './peer.ts'

/** One request of an HTTP/2 connection. */
export class StreamPeer implements Peer {
  due = Infinity
  readonly takesFraming = false
  accept = ''
  #exchange: Exchange | undefined
  #trailers = ''
  /** Of the body, so far. */
  #bytes = 0
  #isChunked = false
  #isSocket = false
  #isHead = false

  constructor(
    private readonly house: House,
    private readonly stream: ServerHttp2Stream,
    readonly origin: Origin,
  ) {
    stream.on('error', () => {})
    stream.on('drain', () => this.#exchange?.clientDrained())
    stream.on('close', () => this.#closed())
    stream.on('wantTrailers', () => this.#say(() => stream.sendTrailers(toObject(this.#trailers))))
    house.sweeper.add(this)
  }

  begin(headers: IncomingHttpHeaders, isWhole: boolean): void {
    const head = readHead(headers)
    if (typeof head === 'number') return this.#refuse(head)
    this.#isSocket = isWebSocket(headers)
    this.#isHead = head.method === 'HEAD'
    if (isWhole || this.#isSocket) head.body = BODY.none
    else if (head.body === BODY.none) head.body = BODY.chunked
    this.accept = fieldOf(head.kept, 'accept') ?? ''
    this.#isChunked = head.body === BODY.chunked
    const exchange = new Exchange(this.house, this, head, passageOf(head, this.origin))
    this.#exchange = exchange
    if (!isWhole) this.stream.pause()
    exchange.start()
    this.stream.on('data', (chunk: Buffer) => this.#send(chunk))
    this.stream.on('end', () => this.#sent())
    if (!isWhole && (this.#isSocket || !exchange.isOpen)) this.stream.pause()
  }

  #refuse(status: number): void {
    this.house.sweeper.delete(this)
    const allow = status === 405 ? { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' } : {}
    this.#say(() => this.stream.respond({ ':status': status, date: httpDate(), ...allow }, { endStream: true }))
  }

  #send(chunk: Buffer): void {
    const exchange = this.#exchange
    if (!exchange) return
    this.#bytes += chunk.length
    if (!this.#isSocket && exchange.isTooLarge(this.#bytes)) return
    if (this.#isChunked) exchange.sendText(`${chunk.length.toString(16)}\r\n`)
    exchange.send(chunk, 0, chunk.length)
    if (this.#isChunked) exchange.sendText('\r\n')
    exchange.sendPause()
  }

  #sent(): void {
    const exchange = this.#exchange
    if (!exchange) return
    if (exchange.isTunnel) return exchange.clientHalfClosed()
    if (exchange.isBodyDone) return
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
    if (!this.#isSocket || this.#exchange?.isTunnel) this.stream.resume()
  }

  info(head: ResponseHead): void {
    const fields = head.status === 100 ? {} : toObject(head.kept)
    this.#say(() => this.stream.additionalHeaders({ ...fields, ':status': head.status }))
  }

  head(head: ResponseHead): void {
    const headers = { ...toObject(head.kept), ':status': head.status }
    const length = head.body === BODY.length ? head.length : head.saysLength
    if (length >= 0) headers['content-length'] = String(length)
    this.#say(() => this.stream.respond(headers, { waitForTrailers: head.body === BODY.chunked }))
  }

  retract = () => false

  bytes(buf: Buffer, start: number, end: number): void {
    if (this.#isOpen() && end > start) this.stream.write(Buffer.from(buf.subarray(start, end)))
  }

  flush = () => !this.stream.writableNeedDrain

  end(trailers: string): void {
    this.#trailers = trailers
    if (this.#isOpen()) this.stream.end()
    if (this.#isSocket || !this.#exchange!.isBodyDone) this.stream.close(constants.NGHTTP2_NO_ERROR)
  }

  tunnel(head: ResponseHead): void {
    const { 'sec-websocket-accept': _accept, ...fields } = toObject(head.kept)
    this.#say(() => this.stream.respond({ ...fields, ':status': 200 }))
  }

  halfClose(): void {
    this.stream.end()
  }

  page(status: number, requestId: string, { type, body, fields = '' }: Page): number {
    const length = Buffer.byteLength(body)
    const isSaid = this.#say(() =>
      this.stream.respond({
        ':status': status, date: httpDate(), 'content-type': type, 'content-length': String(length), 'cache-control': 'no-store',
        'x-request-id': requestId, ...toObject(fields),
      }),
    ) // prettier-ignore
    if (!isSaid || this.#isHead) return 0
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

  /** Node throws at fields that HTTP/2 does not have: that ends this stream, never the process with all others. */
  #say(act: () => void): boolean {
    if (!this.#isOpen()) return false
    try {
      act()
      return true
    } catch (error) {
      process.stderr.write(`router: ${(error as Error).message}\n`)
      this.cut()
      return false
    }
  }
}
