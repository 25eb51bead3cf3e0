import { createServer, type Server, type Socket } from 'node:net'
import type { Shared } from './peer.ts'
import { Visitor } from './visitor.ts'

/** What visitors meet on one port. */
export type Front = {
  server: Server
  /** Connections open now. */
  size(): number
  /** Stops accepting, lets requests in flight finish for up to `ms`, then cuts the rest. */
  close(ms: number): Promise<void>
}

export function plainFront(shared: Shared): Front {
  const visitors = new Set<Visitor>()
  const house = { ...shared, isDraining: false, onGone: (visitor: Visitor) => onGone(visitor) }
  let onEmpty = () => {}
  const onGone = (visitor: Visitor) => {
    visitors.delete(visitor)
    if (visitors.size === 0) onEmpty()
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress)
    if (address === undefined) return socket.destroy()
    const origin = { address, port: socket.localPort ?? 0, isTls: false, isTrusted: false }
    visitors.add(new Visitor(house, socket, origin))
  })
  return {
    server,
    size: () => visitors.size,
    close: (ms) =>
      new Promise((resolve) => {
        house.isDraining = true
        server.close()
        const end = () => {
          clearTimeout(timer)
          for (const visitor of [...visitors]) visitor.destroy()
          resolve()
        }
        const timer = setTimeout(end, ms)
        onEmpty = end
        for (const visitor of [...visitors]) visitor.drain()
        if (visitors.size === 0) end()
      }),
  }
}

/** "::ffff:203.0.113.9" → "203.0.113.9"; undefined when the client is gone already. */
export const plainAddress = (address: string | undefined) => address?.replace(/^::ffff:(?=\d+\.)/, '')
