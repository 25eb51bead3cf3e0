import type { AddressInfo, Server, Socket } from 'node:net'
import type { RouteTable, SwitchCost } from '../server/api/wire.ts'
import { plainAddress } from './address.ts'
import type { Desk } from './book.ts'
import type { Origin } from './forwarded.ts'
import { Gate } from './gate.ts'
import { Greeting, greetSocket } from './greeting.ts'
import type { House, Shared } from './peer.ts'
import type { Client } from './proxy-header.ts'
import { acceptWires, noteArrival } from './raw-wire.ts'
import { Routes } from './routes.ts'
import type { Limits } from './settings.ts'
import { Sweeper } from './sweeper.ts'
import { Tally, type ProcessCounts } from './tally.ts'
import type { SecureDoor } from './tls.ts'
import { Turns } from './turns.ts'
import { Visitor } from './visitor.ts'
import { Windows } from './windows.ts'
import { SocketWire, type Wire } from './wire.ts'

/** What one process of the router does for visitors. The main process has one itself; each worker has one. */
export interface Serving {
  /** Resolves once the table is in force. */
  take(table: RouteTable): Promise<void>
  inflight(): Promise<Record<string, number>>
  /** As RouterStatus has it; undefined when the process does not answer. */
  idle(): Promise<Record<string, number> | undefined>
  /** What it counted since it was last asked; undefined when it does not answer. */
  counts(): Promise<ProcessCounts | undefined>
  startWindow(id: string, app: string): Promise<void>
  endWindow(id: string): Promise<SwitchCost | undefined>
  /**
   * Stops accepting at once; resolves when the requests in flight are done or `ms` have passed, with the rest cut. Connections that wait are closed, or
   * may each bring one more request within `farewellMs`.
   */
  close(ms: number, farewellMs?: number): Promise<void>
}

type Deps = {
  limits: Limits
  isTrusted: (address: string) => boolean
  log: (appId: string, line: string) => void
  desk: Desk
  wake: (appId: string) => void
  /** Made at the first TLS connection, so that a router without one loads nothing of it. */
  openDoor: (onSocket: (socket: Socket, isH2: boolean) => void) => Promise<SecureDoor>
}

export type LocalServing = Serving & { routes: Routes; accept(server: Server, isTls: boolean): void }

export function serve({ limits, isTrusted, log, desk, wake, openDoor }: Deps): LocalServing {
  const routes = new Routes(limits)
  const windows = new Windows()
  const gate = new Gate(desk)
  const tally = new Tally()
  const sweeper = new Sweeper(Math.min(500, Math.max(10, Math.min(limits.idleMs, limits.firstByteMs) / 4)))
  const ports = { plain: 0, tls: 0 }
  const shared: Shared = {
    routes,
    limits,
    windows,
    tally,
    turns: new Turns(),
    sweeper,
    backlogOf: new Map(),
    gate,
    wake,
    ports,
    log,
  }
  const servers: Server[] = []
  const guests = new Set<Guest>()
  let onEmpty: () => unknown = () => {}
  const house: House = {
    ...shared,
    isDraining: false,
    onGone: (guest) => {
      guests.delete(guest)
      if (guests.size === 0) onEmpty()
    },
  }
  const originOf = (remote: string | undefined, isTls: boolean): Origin | undefined => {
    const address = plainAddress(remote)
    const port = isTls ? ports.tls : ports.plain
    return address === undefined ? undefined : { address, port, isTls, isTrusted: isTrusted(address) }
  }
  const welcome = (wire: Wire) => {
    const origin = originOf(wire.address, false)
    if (!origin) return wire.destroy()
    if (!origin.isTrusted) return void guests.add(new Visitor(house, wire, origin))
    const greeting = new Greeting(house, wire, (client, rest) => {
      const visitor = new Visitor(house, wire, onBehalf(origin, client))
      guests.add(visitor)
      if (rest.length > 0) visitor.onBytes(rest, rest.length)
    })
    guests.add(greeting)
  }
  /** Of TLS connections through a load balancer: whom it named. */
  const origins = new Map<string, Origin>()
  const onBehalf = (origin: Origin, client: Client | undefined): Origin =>
    client
      ? { ...origin, ...client, address: plainAddress(client.address)!, isTrusted: isTrusted(plainAddress(client.address)!) }
      : origin
  const welcomeSecure = (socket: Socket, isH2: boolean) => {
    socket.on('error', () => {})
    const origin = origins.get(endOf(socket)) ?? originOf(socket.remoteAddress, true)
    if (!origin) return void socket.destroy()
    if (!isH2) return void guests.add(new Visitor(house, new SocketWire(socket), origin))
    import('./h2.ts')
      .then(({ H2Session }) => void (socket.destroyed || guests.add(new H2Session(house, socket, origin))))
      .catch(() => socket.destroy())
  }
  let door: Promise<SecureDoor> | undefined
  const enter = (socket: Socket) => {
    door ??= openDoor(welcomeSecure)
    door.then(
      (opened) => opened(socket),
      () => socket.destroy(),
    )
  }
  const secure = (socket: Socket) => {
    noteArrival()
    socket.on('error', () => {})
    const origin = originOf(socket.remoteAddress, true)
    if (!origin?.isTrusted) return enter(socket)
    greetSocket(socket, (client) => {
      const end = endOf(socket)
      if (client) origins.set(end, onBehalf(origin, client))
      if (client) socket.on('close', () => origins.delete(end))
      enter(socket)
    })
  }

  const close = (ms: number, farewellMs = 0) =>
    new Promise<void>((resolve) => {
      const from = performance.now()
      house.isDraining = true
      for (const server of servers) server.close()
      const end = () => {
        clearTimeout(timer)
        for (const guest of [...guests]) guest.destroy()
        resolve()
      }
      const timer = setTimeout(end, ms)
      onEmpty = () => performance.now() - from >= farewellMs && end()
      for (const guest of [...guests]) guest.drain(farewellMs)
      if (farewellMs > 0)
        setTimeout(() => guests.size === 0 && end(), farewellMs) // a handshake is no guest yet
      else if (guests.size === 0) end()
    })

  return {
    routes,
    accept: (server, isTls) => {
      servers.push(server)
      const onListening = () => (ports[isTls ? 'tls' : 'plain'] = (server.address() as AddressInfo).port)
      if (server.listening) onListening()
      else server.on('listening', onListening)
      if (isTls) server.on('connection', secure)
      else acceptWires(server, welcome)
    },
    take: async (table) => {
      routes.swap(table)
      gate.keep(routes.isLimited)
    },
    inflight: async () => routes.inflight(),
    idle: async () => routes.idle(),
    counts: async () => ({
      counts: tally.take(),
      inflight: routes.visits(),
      connections: guests.size,
      memoryBytes: process.memoryUsage.rss(),
    }),
    startWindow: async (id, app) => windows.start(id, app),
    endWindow: async (id) => windows.end(id),
    close,
  }
}

/** Names a connection as long as it is open, before TLS and within. */
const endOf = (socket: Socket) => `${socket.remoteAddress} ${socket.remotePort}`

/** A client's connection, of either protocol. */
export type Guest = { drain(farewellMs: number): void; destroy(): void }
