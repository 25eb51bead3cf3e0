import type { Wire } from './wire.ts'

/** Below it, bytes join the head in one latin1 write, which Node tries on the stack, without an allocation. */
const SMALL = 8_192
const MAX_TEXT = 16_000

/** Collects what one turn has for a connection and hands it over in one write. */
export class Writer {
  #text = ''
  /** Times that bytes were handed over. */
  writes = 0

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
    this.wire.write(this.#text, buf, start, end)
    this.writes += 1
    this.#text = ''
  }

  /** Forgets what was not handed over yet. */
  discard(): void {
    this.#text = ''
  }

  /** False while the connection wants no more: wait for its `onDrain`. */
  flush(): boolean {
    if (this.#text !== '') {
      this.wire.write(this.#text)
      this.writes += 1
      this.#text = ''
    }
    return !this.wire.isBlocked
  }
}
