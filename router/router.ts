import { mkdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { RouteTable, RouterStatus, SwitchCost, TableAck } from '../server/api/wire.ts'
import { Book } from './book.ts'
import { controlServer } from './control.ts'
import type { Inherited } from './handover.ts'
import { listen, predecessor, retire, type Address, type Listening } from './listen.ts'
import { serve, type Serving } from './serving.ts'
import type { RouterSettings } from './settings.ts'
import { Spool } from './spool.ts'
import { Ledger } from './tally.ts'
import { tableFile } from './table-file.ts'
import { Tickets } from './tickets.ts'
import { Wakes } from './wakes.ts'

export type Router = {
  http: Listening
  https: Listening | null
  /** Resolves once a successor has taken the ports and the requests in flight are done. */
  retired: Promise<void>
  /** Stops listening, drains, writes the last lines. Idempotent. */
  close(): Promise<void>
}

/** What only the process's main can give: other processes. */
export type Outside = {
  /** Writes the self-signed certificate. */
  makeFallback(path: string): Promise<void>
  /** Sockets of the predecessor, if it gave them. */
  inherited?: Inherited | undefined
  /** Gives the sockets to a successor that asks for them. */
  lend?(servers: Servers): { close(): unknown }
  /** Workers beside the main process; `[]` serves in this process alone. */
  hire(house: Employer): Serving[]
}
export type Servers = { http: Server; https: Server }
/** What workers share with the main process. */
export type Employer = {
  servers: Servers
  tickets: Tickets
  spool: Spool
  book: Book
  wakes: Wakes
  table(): RouteTable | undefined
}

/** Loads the last table, listens (taking over from a predecessor), and opens the control socket. Throws Error with a sentence. */
export async function startRouter(settings: RouterSettings, outside: Outside): Promise<Router> {
  const { folder, limits } = settings
  mkdirSync(join(folder, 'certs'), { recursive: true, mode: 0o700 })
  const file = tableFile(folder)
  const spool = new Spool({ folder: join(folder, 'requests') })
  const tickets = new Tickets(randomBytes(48), Date.now(), limits.ticketMs)
  const book = new Book()
  const wakes = new Wakes()
  const local = serve({
    limits,
    isTrusted: settings.isTrusted,
    log: (appId, line) => spool.append(appId, line),
    desk: book.desk(),
    wake: (appId) => wakes.want(appId),
    openDoor: async (onSocket) => {
      const { openDoor } = await import('./tls.ts')
      return openDoor({ certs: join(folder, 'certs'), fallback: await fallback(folder, outside), tickets, onSocket })
    },
  })
  let table = await file.load()
  if (table) {
    local.routes.swap(table)
    wakes.settle(table)
  }
  await fallback(folder, outside)
  const make = () => createServer({ allowHalfOpen: true, noDelay: true })
  const servers = { http: make(), https: make() }
  local.accept(servers.http, false)
  local.accept(servers.https, true)
  const { http, https } = await open(settings, servers, outside.inherited)
  const lent = outside.lend?.(servers)
  const crew: Serving[] = [local, ...outside.hire({ servers, tickets, table: () => table, spool, book, wakes })]

  let closing: Promise<void> | undefined
  const close = (drainMs: number, farewellMs = 0) =>
    (closing ??= (async () => {
      lent?.close()
      await Promise.all(crew.map((one) => one.close(drainMs, farewellMs)))
      wakes.close()
      control.close()
      control.closeAllConnections()
      await spool.close()
    })())
  const ledger = new Ledger()
  let announce: () => void = () => {}
  const retired = new Promise<void>((resolve) => (announce = resolve))
  const take = serial(async (given: RouteTable): Promise<TableAck> => {
    if (table && given.version < table.version) return { version: table.version }
    await file.save(given)
    table = given
    wakes.settle(given)
    await Promise.all(crew.map((one) => one.take(given)))
    book.keep(local.routes.isLimited)
    ledger.keep(new Set(given.apps.map(({ id }) => id)))
    return { version: given.version }
  })
  const control = await controlServer(folder, {
    take,
    status: async (): Promise<RouterStatus> => {
      const inflight = sum(await Promise.all(crew.map((one) => one.inflight())))
      const idle = least(await Promise.all(crew.map((one) => one.idle())))
      return { version: local.routes.version, pid: process.pid, http, https, inflight, idle }
    },
    counts: async () => ledger.sum(await Promise.all(crew.map((one) => one.counts()))),
    startWindow: async (id, app) => void (await Promise.all(crew.map((one) => one.startWindow(id, app)))),
    endWindow: async (id) => merge(await Promise.all(crew.map((one) => one.endWindow(id)))),
    wakes: (after, ms) => wakes.next(after, ms),
    releasePorts: async () => {
      wakes.close()
      const stop = follow(file, (newer) => {
        if (!table || newer.version > table.version) void Promise.all(crew.map((one) => one.take((table = newer))))
      })
      void close(limits.releaseMs, limits.farewellMs).then(stop).then(announce)
    },
  })
  return { http, https, retired, close: () => close(limits.drainMs) }
}

/** Both ports, taken over from a predecessor where it holds them; a free choice (0) keeps the predecessor's. */
async function open({ folder, httpHost, httpPort, httpsPort, limits }: RouterSettings, servers: Servers, sockets?: Inherited) {
  const before = await predecessor(folder)
  const at = (name: keyof Servers, port: number, setting: string) => {
    const was = before?.[name]
    const address: Address = { host: httpHost, port: port === 0 ? (was?.port ?? 0) : port, setting }
    if (sockets && was?.host === address.host && was.port === address.port) address.socket = sockets[name]
    else sockets?.[name].close()
    return listen(servers[name], address, folder, limits.takeoverMs)
  }
  const http = await at('http', httpPort, 'DOZEN_HTTP_PORT')
  const https = await at('https', httpsPort, 'DOZEN_HTTPS_PORT')
  if (before) await retire(folder)
  return { http, https }
}

/** Requests that wait here for an app to start go by the tables that the successor gets. */
function follow(file: ReturnType<typeof tableFile>, onTable: (table: RouteTable) => void): () => void {
  const timer = setInterval(() => void file.load().then((table) => table && onTable(table)), FOLLOW_MS)
  return () => clearInterval(timer)
}
const FOLLOW_MS = 100

async function fallback(folder: string, outside: Outside): Promise<string> {
  const path = join(folder, 'fallback.pem')
  if (!(await stat(path).catch(() => undefined))) await outside.makeFallback(path)
  return path
}

function sum(counts: Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const one of counts) for (const [address, count] of Object.entries(one)) total[address] = (total[address] ?? 0) + count
  return total
}

/** What all say, at its smallest; what one does not say, nobody knows. */
function least(all: (Record<string, number> | undefined)[]): Record<string, number> {
  const [first = {}, ...others] = all
  const known = Object.entries(first).filter(([app]) => others.every((one) => one?.[app] !== undefined))
  return Object.fromEntries(known.map(([app, ms]) => [app, Math.min(ms, ...others.map((one) => one![app]!))]))
}

function merge(costs: (SwitchCost | undefined)[]): SwitchCost | undefined {
  const known = costs.filter((cost) => cost !== undefined)
  if (known.length === 0) return undefined
  return known.reduce((a, b) => ({
    served: a.served + b.served,
    failed: a.failed + b.failed,
    drained: a.drained + b.drained,
    cut: a.cut + b.cut,
    longestWaitMs: Math.max(a.longestWaitMs, b.longestWaitMs),
  }))
}

/** One call at a time, in the order of the calls. */
function serial<In, Out>(act: (input: In) => Promise<Out>): (input: In) => Promise<Out> {
  let last: Promise<unknown> = Promise.resolve()
  return (input) => {
    const next = last.then(() => act(input))
    last = next.catch(() => {})
    return next
  }
}
