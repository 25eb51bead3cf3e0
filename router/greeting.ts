import type { Socket } from 'node:net'
import { MALFORMED, PARTIAL, readProxyHeader, type Client } from './proxy-header.ts'
import type { Guest } from './serving.ts'
import type { Due, Sweeper } from './sweeper.ts'
import type { Wire, WireListener } from './wire.ts'

/** A load balancer must have said who its client is so long after it connected. */
const GREETING_MS = 10_000

type Hall = { sweeper: Sweeper; onGone(guest: Guest): void }
/** `client` is undefined without a PROXY header. `rest` came after it. */
type Welcome = (client: Client | undefined, rest: Buffer) => void

/** A connection of a trusted load balancer, until it is known whether it begins with a PROXY header, and whom that names. */
export class Greeting implements WireListener, Due, Guest {
  due = performance.now() + GREETING_MS
  #bytes = Buffer.alloc(0)
  #isOver = false

  constructor(
    private readonly hall: Hall,
    private readonly wire: Wire,
    private readonly welcome: Welcome,
  ) {
    hall.sweeper.add(this)
    wire.open(this)
  }

  onBytes(buf: Buffer, end: number): void {
    this.#bytes = Buffer.concat([this.#bytes, buf.subarray(0, end)])
    const header = readProxyHeader(this.#bytes)
    if (header === PARTIAL) return
    if (header === MALFORMED) return this.destroy()
    this.#leave()
    if (typeof header === 'number') this.welcome(undefined, this.#bytes)
    else this.welcome(header.client, this.#bytes.subarray(header.size))
  }

  onDrain(): void {}
  onEnd = () => this.destroy()
  onWriteError = () => this.destroy()
  onClose = () => this.#leave()
  overdue = () => this.destroy()
  drain(farewellMs: number): void {
    if (farewellMs > 0) this.due = Math.min(this.due, this.hall.sweeper.in(farewellMs))
    else this.destroy()
  }

  destroy(): void {
    this.#leave()
    this.wire.destroy()
  }

  #leave(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.hall.sweeper.delete(this)
    this.hall.onGone(this)
  }
}

/** The same for a connection that will speak TLS: what follows the header is given back to the socket before anybody else reads it. */
export function greetSocket(socket: Socket, welcome: (client: Client | undefined) => void): void {
  let bytes = Buffer.alloc(0)
  const timer = setTimeout(() => socket.destroy(), GREETING_MS)
  const leave = () => {
    clearTimeout(timer)
    socket.off('readable', onReadable).off('close', leave)
  }
  const onReadable = () => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    bytes = Buffer.concat([bytes, chunk])
    const header = readProxyHeader(bytes)
    if (header === PARTIAL) return
    leave()
    if (header === MALFORMED) return void socket.destroy()
    const rest = typeof header === 'number' ? bytes : bytes.subarray(header.size)
    if (rest.length > 0) socket.unshift(rest)
    welcome(typeof header === 'number' ? undefined : header.client)
  }
  socket.on('readable', onReadable).on('close', leave)
}
