import { INCOMPLETE, TOO_LARGE } from './fields.ts'
import { HeadBuffer } from './head-buffer.ts'

type Parse<Head> = (buf: Buffer, start: number, end: number, method: string) => Head | number
type Options<Head> = {
  maxBytes: number
  parse: Parse<Head>
  /** Whether the same bytes would always be read as the same head. */
  isLasting: (head: Head) => boolean
}

/** A longer head is not worth a copy of it. */
const MAX_KEPT = 1_024
/** Heads that were unlike the one before until a connection gives up to compare them. */
const TRIES = 8

/**
 * Reads the heads of one connection, in whatever pieces they come. One that came before, byte for byte, is compared, not read: the
 * same object is given out again, so nobody may change it.
 */
export class HeadReader<Head extends { size: number }> {
  /** Where in the buffer read last the bytes behind the head begin. */
  next = 0
  #partial: HeadBuffer | undefined
  #known: Head | undefined
  #bytes: Buffer | undefined
  #tries = TRIES

  constructor(private readonly options: Options<Head>) {}

  /** Some of a head has come. */
  get isWithin(): boolean {
    return this.#partial !== undefined
  }

  /** The head at `pos`, INCOMPLETE, or why it is refused. `method`: of the request that a response is for. */
  read(buf: Buffer, pos: number, end: number, method = ''): Head | number {
    if (this.#partial) return this.#readMore(this.#partial, buf, pos, end, method)
    const known = this.#known
    if (known !== undefined && method !== 'HEAD' && this.#isAt(known.size, buf, pos, end)) {
      this.next = pos + known.size
      return known
    }
    const head = this.options.parse(buf, pos, end, method)
    if (typeof head === 'object') {
      this.next = pos + head.size
      if (method !== 'HEAD' && this.#tries > 0) this.#keep(head, buf, pos)
      return head
    }
    this.next = end
    if (head !== INCOMPLETE) return head
    this.#partial = new HeadBuffer(this.options.maxBytes)
    this.#partial.add(buf, pos, end)
    return end - pos > this.options.maxBytes ? this.#refuse(TOO_LARGE) : INCOMPLETE
  }

  #readMore(partial: HeadBuffer, buf: Buffer, pos: number, end: number, method: string): Head | number {
    const before = partial.bytes.length
    this.next = end
    if (!partial.add(buf, pos, end)) return INCOMPLETE
    const { bytes } = partial
    const head = this.options.parse(bytes, 0, bytes.length, method)
    if (head === INCOMPLETE) return bytes.length > this.options.maxBytes ? this.#refuse(TOO_LARGE) : INCOMPLETE
    if (typeof head === 'number') return this.#refuse(head)
    this.#partial = undefined
    this.next = pos + head.size - before
    return head
  }

  #refuse(why: number): number {
    this.#partial = undefined
    return why
  }

  #isAt(size: number, buf: Buffer, pos: number, end: number): boolean {
    if (end - pos >= size && this.#bytes!.compare(buf, pos, pos + size, 0, size) === 0) {
      this.#tries = TRIES
      return true
    }
    this.#tries -= 1
    if (this.#tries === 0) this.#known = this.#bytes = undefined
    return false
  }

  #keep(head: Head, buf: Buffer, pos: number): void {
    this.#known = undefined
    if (head.size > MAX_KEPT || !this.options.isLasting(head)) return
    if (this.#bytes === undefined || this.#bytes.length < head.size) this.#bytes = Buffer.allocUnsafeSlow(head.size)
    buf.copy(this.#bytes, 0, pos, pos + head.size)
    this.#known = head
  }
}
