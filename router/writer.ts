import type { Socket } from 'node:net'

/** Below it, bytes join the head in one latin1 write, which Node tries on the stack, without an allocation. */
const SMALL = 8_192
const MAX_TEXT = 16_000

/** Collects what one turn has for a socket and hands it over in one write. */
export class Writer {
  #text = ''
  #isCorked = false

  constructor(readonly socket: Socket) {}

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
    if (!this.#isCorked) {
      this.#isCorked = true
      this.socket.cork()
    }
    this.#spill()
    this.socket.write(copy(buf, start, end))
  }

  /** False while the socket wants no more: wait for its 'drain'. */
  flush(): boolean {
    this.#spill()
    if (this.#isCorked) {
      this.#isCorked = false
      this.socket.uncork()
    }
    return !this.socket.writableNeedDrain
  }

  #spill(): void {
    if (this.#text === '') return
    this.socket.write(this.#text, 'latin1')
    this.#text = ''
  }
}

function copy(buf: Buffer, start: number, end: number): Buffer {
  const out = Buffer.allocUnsafeSlow(end - start)
  buf.copy(out, 0, start, end)
  return out
}

/** Bytes that the kernel has not taken yet; it falls as a slow reader reads (as Node's own socket timeout looks at it). */
export function backlog(socket: Socket): number {
  const handle = (socket as unknown as { _handle?: { writeQueueSize?: number } })._handle
  return handle?.writeQueueSize ?? socket.writableLength
}
