import type { Wire } from './wire.ts'

/** Below it, bytes join the head in one latin1 write, which Node tries on the stack, without an allocation. */
const SMALL = 8_192
const MAX_TEXT = 16_000

/** Collects what one turn has for a connection and hands it over in one write. */
export class Writer {
  #text = ''

  constructor(private readonly wire: Wire) {}

  /** One character per byte. */
  text(text: string): void {
    this.#text += text
  }

  /** The bytes are copied: they may change after the call. */
  bytes(buf: Buffer, start: number, end: number): void {
    const size = end - start
    if (size <= SMALL && this.#text.length + size <= MAX_TEXT) {
      this.#text += buf.toString('latin1', start, end)
      return
    }
    const body = Buffer.allocUnsafeSlow(size)
    buf.copy(body, 0, start, end)
    this.wire.write(this.#text, body)
    this.#text = ''
  }

  /** False while the connection wants no more: wait for its `onDrain`. */
  flush(): boolean {
    if (this.#text !== '') {
      this.wire.write(this.#text)
      this.#text = ''
    }
    return !this.wire.isBlocked
  }
}
