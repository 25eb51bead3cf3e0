import type { AddressInfo, Server, Socket } from 'node:net'
import type { RouteTable, SwitchCost } from '../server/api/wire.ts'
import { plainAddress } from './address.ts'
import type { Origin } from './forwarded.ts'
import type { House, Shared } from './peer.ts'
import { acceptWires } from './raw-wire.ts'
import { Routes } from './routes.ts'
import type { Limits } from './settings.ts'
import { Sweeper } from './sweeper.ts'
import type { SecureDoor } from './tls.ts'
import { Visitor } from './visitor.ts'
import { Windows } from './windows.ts'
import { SocketWire, type Wire } from './wire.ts'

/** What one process of the router does for visitors. The main process has one itself; each worker has one. */
export interface Serving {
  /** Resolves once the table is in force. */
  take(table: RouteTable): Promise<void>
  inflight(): Promise<Record<string, number>>
  startWindow(id: string, app: string): Promise<void>
  endWindow(id: string): Promise<SwitchCost | undefined>
  /** Stops accepting at once; resolves when the requests in flight are done or `ms` have passed, with the rest cut. */
  close(ms: number): Promise<void>
}

type Deps = {
  limits: Limits
  isTrusted: (address: string) => boolean
  log: (appId: string, line: string) => void
  /** Made at the first TLS connection, so that a router without one loads nothing of it. */
  openDoor: (onSocket: (socket: Socket, isH2: boolean) => void) => Promise<SecureDoor>
}

export type LocalServing = Serving & { routes: Routes; accept(server: Server, isTls: boolean): void }

export function serve({ limits, isTrusted, log, openDoor }: Deps): LocalServing {
  const routes = new Routes()
  const windows = new Windows()
  const sweeper = new Sweeper(Math.min(500, Math.max(10, Math.min(limits.idleMs, limits.firstByteMs) / 4)))
  const shared: Shared = { routes, limits, windows, sweeper, backlogOf: new Map(), log }
  const servers: Server[] = []
  const guests = new Set<Guest>()
  let onEmpty = () => {}
  const house: House = {
    ...shared,
    isDraining: false,
    onGone: (guest) => {
      guests.delete(guest)
      if (guests.size === 0) onEmpty()
    },
  }
  const ports = { plain: 0, tls: 0 }
  const originOf = (remote: string | undefined, isTls: boolean): Origin | undefined => {
    const address = plainAddress(remote)
    const port = isTls ? ports.tls : ports.plain
    return address === undefined ? undefined : { address, port, isTls, isTrusted: isTrusted(address) }
  }
  const welcome = (wire: Wire, isTls: boolean) => {
    const origin = originOf(wire.address, isTls)
    if (origin) guests.add(new Visitor(house, wire, origin))
    else wire.destroy()
  }
  const welcomeSecure = (socket: Socket, isH2: boolean) => {
    if (!isH2) return welcome(new SocketWire(socket), true)
    const origin = originOf(socket.remoteAddress, true)
    if (!origin) return void socket.destroy()
    void import('./h2.ts').then(({ h2Session }) => guests.add(h2Session(house, socket, origin)))
  }
  let door: Promise<SecureDoor> | undefined
  const secure = (socket: Socket) => {
    socket.on('error', () => {})
    door ??= openDoor(welcomeSecure)
    door.then(
      (opened) => opened(socket),
      () => socket.destroy(),
    )
  }

  const close = (ms: number) =>
    new Promise<void>((resolve) => {
      house.isDraining = true
      for (const server of servers) server.close()
      const end = () => {
        clearTimeout(timer)
        for (const guest of [...guests]) guest.destroy()
        resolve()
      }
      const timer = setTimeout(end, ms)
      onEmpty = end
      for (const guest of [...guests]) guest.drain()
      if (guests.size === 0) end()
    })

  return {
    routes,
    accept: (server, isTls) => {
      servers.push(server)
      const onListening = () => (ports[isTls ? 'tls' : 'plain'] = (server.address() as AddressInfo).port)
      if (server.listening) onListening()
      else server.on('listening', onListening)
      if (isTls) server.on('connection', secure)
      else acceptWires(server, (wire) => welcome(wire, false))
    },
    take: async (table) => routes.swap(table),
    inflight: async () => routes.inflight(),
    startWindow: async (id, app) => windows.start(id, app),
    endWindow: async (id) => windows.end(id),
    close,
  }
}

/** A client's connection, of either protocol. */
export type Guest = { drain(): void; destroy(): void }
