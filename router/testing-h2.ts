import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8, continuation: 9 } as const
export const END_STREAM = 1
export const END_HEADERS = 4

/** RFC 9113 section 4.1. */
export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

/** RFC 7541 section 6.2.2: a literal field, not indexed; section 6.2.1 when it is to fill the table. */
export function field(name: string, value: string, isIndexed = false): Buffer {
  return Buffer.concat([Buffer.from([isIndexed ? 0x40 : 0]), text(name), text(value)])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  return Buffer.concat([integer(bytes.length), bytes])
}

function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value])
  const bytes = [127]
  for (value -= 127; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return Buffer.from([...bytes, value])
}

export const requestFields = (path = '/', authority = 'shop.localhost'): Buffer =>
  Buffer.concat([field(':method', 'GET'), field(':scheme', 'https'), field(':path', path), field(':authority', authority)])

export const reset = (stream: number): Buffer => frame(FRAME.reset, 0, stream, Buffer.from([0, 0, 0, 8]))

/** A client of frames: says what it is told to, remembers which frames came. */
export class RawH2 {
  readonly seen: { type: number; flags: number; stream: number; payload: Buffer }[] = []
  isEnded = false
  #rest: Buffer = Buffer.alloc(0)

  constructor(readonly socket: TLSSocket) {
    socket.on('error', () => (this.isEnded = true))
    socket.on('close', () => (this.isEnded = true))
    socket.on('data', (chunk: Buffer) => this.#read(Buffer.concat([this.#rest, chunk])))
  }

  /** With the preface, and settings as given (RFC 9113 section 6.5.1: 2 bytes of name, 4 of value each). */
  static async dial(port: number, settings: Buffer = Buffer.alloc(0)): Promise<RawH2> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    await once(socket, 'secureConnect')
    const client = new RawH2(socket)
    return client.send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings, 0, 0, settings))
  }

  send(...frames: Buffer[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames))
    return this
  }

  count(type: number): number {
    return this.seen.filter((one) => one.type === type).length
  }

  #read(bytes: Buffer): void {
    let at = 0
    while (bytes.length - at >= 9 && bytes.length - at >= 9 + bytes.readUIntBE(at, 3)) {
      const end = at + 9 + bytes.readUIntBE(at, 3)
      const payload = Buffer.from(bytes.subarray(at + 9, end))
      this.seen.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, stream: bytes.readUInt32BE(at + 5), payload })
      at = end
    }
    this.#rest = bytes.subarray(at)
  }
}
