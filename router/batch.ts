/**
 * ASCII text on its way out, as bytes from the start: one string of thousands of pieces would be moved about by every garbage collection until
 * it is written.
 */
export class Batch {
  #bytes = Buffer.allocUnsafeSlow(FIRST)
  #size = 0

  /** Bytes so far. */
  get size(): number {
    return this.#size
  }

  add(text: string): void {
    const most = this.#size + text.length
    if (most > this.#bytes.length) this.#grow(most)
    this.#size += this.#bytes.write(text, this.#size, 'latin1')
  }

  /** A copy of all, which begins anew. What a burst made large is given back. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#size))
    this.#size = 0
    if (this.#bytes.length > LARGE) this.#bytes = Buffer.allocUnsafeSlow(FIRST)
    return taken
  }

  #grow(least: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(least, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
  }
}

const FIRST = 4_096
const LARGE = 512 * 1024
