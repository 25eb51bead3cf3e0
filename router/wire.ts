import type { Socket } from 'node:net'

/** What a connection tells whoever holds it. After `onClose` nothing follows. */
export interface WireListener {
  /** Bytes of one read; valid during the call only. */
  onBytes(buf: Buffer, end: number): void
  onDrain(): void
  /** The other side sends no more. */
  onEnd(): void
  onClose(): void
  /** The other side takes nothing more; what it has sent may still come. Writes are dropped from now on. */
  onWriteError(): void
}

/** A byte stream both ways, with the little that the router needs of it. It closes by itself once both sides have ended. */
export interface Wire {
  /** Undefined when the other side is gone already. */
  readonly address: string | undefined
  /** Writes wait in memory: stop until `onDrain`. */
  readonly isBlocked: boolean
  /** Bytes that the kernel has not taken yet; falls as a slow reader reads. */
  backlog(): number
  /** Begins to read. Called again, it hands over to another listener. */
  open(listener: WireListener): void
  /** One character of `text` is one byte; then bytes, which may change after the call. One system call where it can be. */
  write(text: string, buf?: Buffer, start?: number, end?: number): void
  pause(): void
  resume(): void
  /** No more is written; what was is still sent. */
  end(): void
  /** Closes at once. `onClose` is for what others do: it need not follow. */
  destroy(): void
}

/** Hands bytes over. A bug that one connection meets costs that connection, not the process and all the others. */
export function hand(wire: Wire, listener: WireListener, buf: Buffer, end: number): void {
  try {
    listener.onBytes(buf, end)
  } catch (error) {
    process.stderr.write(`router: ${(error as Error).stack}\n`)
    wire.destroy()
    process.nextTick(() => listener.onClose())
  }
}

/** A stream of Node's own: TLS, and whatever `raw-wire.ts` cannot make. */
export class SocketWire implements Wire {
  readonly address: string | undefined
  #listener: WireListener | undefined
  constructor(private readonly socket: Socket) {
    this.address = socket.remoteAddress
    socket.on('error', () => {})
  }

  get isBlocked(): boolean {
    return this.socket.writableNeedDrain
  }

  backlog(): number {
    const handle = (this.socket as unknown as { _handle?: { writeQueueSize?: number } })._handle
    return handle?.writeQueueSize ?? this.socket.writableLength
  }

  open(listener: WireListener): void {
    const { socket } = this
    const isFirst = this.#listener === undefined
    this.#listener = listener
    if (!isFirst) return
    socket.on('data', (chunk: Buffer) => hand(this, this.#listener!, chunk, chunk.length))
    socket.on('drain', () => this.#listener!.onDrain())
    socket.on('end', () => this.#listener!.onEnd())
    socket.on('close', () => this.#listener!.onClose())
  }

  write(text: string, buf?: Buffer, start = 0, end = 0): void {
    if (!buf) return void this.socket.write(text, 'latin1')
    const whole = Buffer.allocUnsafeSlow(text.length + end - start)
    buf.copy(whole, whole.write(text, 'latin1'), start, end)
    this.socket.write(whole)
  }

  pause = () => void this.socket.pause()
  resume = () => void this.socket.resume()
  end = () => void this.socket.end()
  destroy = () => void this.socket.destroy()
}
