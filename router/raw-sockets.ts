import { Socket, type Server } from 'node:net'

/** One read buffer for all: what is in it is used up, or copied, before the next read. */
export const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024)

/** Called with the bytes of one read, in READ_BUFFER; valid during the call only. */
export type OnBytes = (buf: Buffer, end: number) => void

type Handle = { setNoDelay?(on: boolean): void }
type Inner = Server & { _handle?: { onconnection?: (error: number, handle: Handle | undefined) => void } }

/**
 * Takes a server's connections as sockets that read into READ_BUFFER. Node offers that (`onread`) to clients only; its server would
 * allocate 64 KiB for each read. Where the inside of a future Node differs, plain sockets come instead, and `feed` reads those.
 */
export function acceptInto(server: Server, onSocket: (socket: Socket, feed: (onBytes: OnBytes) => void) => void): void {
  server.on('connection', (socket) => onSocket(socket, (onBytes) => feedFrom(socket, onBytes)))
  const take = () => {
    const inner = (server as Inner)._handle
    if (typeof inner?.onconnection !== 'function') return
    inner.onconnection = (error, handle) => {
      if (error || !handle) return
      let listener: OnBytes = () => {}
      const callback = (size: number) => {
        listener(READ_BUFFER, size)
        return true
      }
      handle.setNoDelay?.(true)
      const options = { handle, allowHalfOpen: true, readable: true, writable: true, onread: { buffer: READ_BUFFER, callback } }
      onSocket(new Socket(options), (onBytes) => (listener = onBytes))
    }
  }
  if (server.listening) take()
  else server.on('listening', take)
}

/** For sockets that hand out chunks of their own, as TLS does. */
export const feedFrom = (socket: Socket, onBytes: OnBytes) =>
  void socket.on('data', (chunk: Buffer) => onBytes(chunk, chunk.length))
