import { CR, LF } from './fields.ts'

/**
 * A head that comes in pieces. Keeps them in one growing buffer and says when another try to read it is worth while: always while
 * it is short, then when an empty line came or it has grown by half. So slow heads cost linear, not quadratic time.
 */
export class HeadBuffer {
  #buf = Buffer.allocUnsafe(1_024)
  #size = 0
  #nextTry = 0

  /** Beyond `maxBytes`, another try is always worth while: it refuses. */
  constructor(readonly maxBytes: number) {}

  get bytes(): Buffer {
    return this.#buf.subarray(0, this.#size)
  }

  /** Adds bytes; true when the head should be read again. */
  add(buf: Buffer, start: number, end: number): boolean {
    const size = this.#size + end - start
    if (size > this.#buf.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, this.#buf.length * 2))
      this.#buf.copy(grown, 0, 0, this.#size)
      this.#buf = grown
    }
    buf.copy(this.#buf, this.#size, start, end)
    const from = Math.max(0, this.#size - 3)
    this.#size = size
    if (size > 2_048 && size <= this.maxBytes && size < this.#nextTry && !this.#hasEmptyLine(from)) return false
    this.#nextTry = size * 1.5
    return true
  }

  #hasEmptyLine(from: number): boolean {
    for (let i = this.#buf.indexOf(LF, from); i >= 0 && i < this.#size; i = this.#buf.indexOf(LF, i + 1)) {
      if (this.#buf[i - 1] === LF || (this.#buf[i - 1] === CR && this.#buf[i - 2] === LF)) return true
    }
    return false
  }
}
