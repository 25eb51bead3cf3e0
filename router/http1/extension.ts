import { IS_TOKEN, IS_VALUE } from './fields.ts'

const SEMICOLON = 59
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

const NAME = 0
const VALUE = 1
const QUOTED = 2
const ESCAPED = 3
const CLOSED = 4

/** Extensions of all chunks of one body: read over, but not without bound (RFC 9112 section 7.1.1). */
const MAX_BYTES = 16_384

/** A strict reader of chunk extensions, `name`, `name=token`, `name="quoted"`, without the white space that nobody should send. */
export class Extension {
  #state = NAME
  #isEmpty = true
  #bytes = 0

  /** After a chunk's size and ";". */
  begin(): void {
    this.#state = NAME
    this.#isEmpty = true
  }

  /** Whether the line may end here. */
  get mayEnd(): boolean {
    return this.#state === CLOSED || ((this.#state === NAME || this.#state === VALUE) && !this.#isEmpty)
  }

  /** False when the byte has no place here. */
  read(byte: number): boolean {
    this.#bytes += 1
    if (this.#bytes > MAX_BYTES) return false
    if (this.#state === QUOTED) return this.#quoted(byte)
    if (this.#state === ESCAPED) return this.#go(QUOTED, IS_VALUE[byte] === 1)
    if (byte === SEMICOLON) return this.#go(NAME, this.mayEnd)
    if (this.#state === CLOSED) return false
    if (byte === EQUALS) return this.#go(VALUE, this.#state === NAME && !this.#isEmpty)
    if (byte === QUOTE) return this.#go(QUOTED, this.#state === VALUE && this.#isEmpty)
    this.#isEmpty = false
    return IS_TOKEN[byte] === 1
  }

  #quoted(byte: number): boolean {
    if (byte === QUOTE) return this.#go(CLOSED, true)
    return byte === BACKSLASH ? this.#go(ESCAPED, true) : IS_VALUE[byte] === 1
  }

  #go(state: number, isAllowed: boolean): boolean {
    this.#state = state
    this.#isEmpty = true
    return isAllowed
  }
}
