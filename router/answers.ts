import { BODY } from './http1/fields.ts'
import { REASONS } from './http1/reasons.ts'
import type { RequestHead } from './http1/request.ts'
import { httpDate, type ResponseHead } from './http1/response.ts'
import type { Page } from './page.ts'
import type { Wire } from './wire.ts'
import { Writer } from './writer.ts'

/** Says the answers of one client connection, in the client's version of HTTP/1. */
export class Answers {
  /** The connection ends with this answer. */
  isLast = false
  readonly #writer: Writer
  /** Undefined before the first request that could be read. */
  #request: RequestHead | undefined
  /** The app's chunked framing passes through. */
  #isFramed = false
  /** The app's body has no framing but its end: it gets one. */
  #isChunking = false
  /** The writer's count when the head was said; -1 when there is none to take back. */
  #headAt = -1

  constructor(private readonly wire: Wire) {
    this.#writer = new Writer(wire)
  }

  /** What follows answers this request. */
  to(request: RequestHead): void {
    this.#request = request
    this.#headAt = -1
  }

  info(head: ResponseHead): void {
    if (this.#request!.minor === 0) return
    this.#writer.text(`HTTP/1.1 ${head.status} ${head.reason}\r\n${head.kept}\r\n`)
  }

  head(head: ResponseHead): void {
    const { minor, saysKeepAlive } = this.#request!
    const isModern = minor === 1
    this.#headAt = this.#writer.writes
    this.#isFramed = head.body === BODY.chunked && isModern
    this.#isChunking = head.body === BODY.untilClose && isModern
    if (!isModern && head.body !== BODY.none && head.body !== BODY.length) this.isLast = true
    if (!isModern || this.isLast || saysKeepAlive) this.#writer.text(this.#headText(head, isModern))
    else this.#writer.text((head.text ||= this.#headText(head, true)))
  }

  #headText(head: ResponseHead, isModern: boolean): string {
    let framing = ''
    if (head.body === BODY.length) framing = `Content-Length: ${head.length}\r\n`
    else if (head.saysLength >= 0) framing = `Content-Length: ${head.saysLength}\r\n`
    else if (head.body !== BODY.none && isModern) framing = 'Transfer-Encoding: chunked\r\n'
    return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.kept}${framing}${this.#persistence()}\r\n`
  }

  /** Takes the head back, with what followed it; false when some of it is on its way already. */
  retract(): boolean {
    if (this.#headAt !== this.#writer.writes) return false
    this.#writer.discard()
    return true
  }

  #persistence(): string {
    return this.isLast ? 'Connection: close\r\n' : this.#request?.saysKeepAlive ? 'Connection: keep-alive\r\n' : ''
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

  /** A whole answer of the router's own. Returns the bytes of its body. */
  page(status: number, requestId: string, { type, body, fields = '' }: Page): number {
    const length = Buffer.byteLength(body)
    const head =
      `HTTP/1.1 ${status} ${REASONS[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\nCache-Control: no-store\r\n${fields}` +
      `Date: ${httpDate()}\r\n${requestId === '' ? '' : `X-Request-Id: ${requestId}\r\n`}${this.#persistence()}\r\n`
    const isHead = this.#request?.method === 'HEAD'
    this.#writer.flush()
    this.wire.write(isHead ? head : head + Buffer.from(body).toString('latin1'))
    return isHead ? 0 : length
  }
}
