import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { RouteTable, RouterStatus, TableAck } from '../server/api/wire.ts'
import { controlServer } from './control.ts'
import { plainFront } from './front.ts'
import { listen, predecessor, retire, type Listening } from './listen.ts'
import { Routes } from './routes.ts'
import type { RouterSettings } from './settings.ts'
import { Spool } from './spool.ts'
import { Sweeper } from './sweeper.ts'
import { tableFile } from './table-file.ts'
import { Windows } from './windows.ts'

export type Router = {
  http: Listening
  https: Listening | null
  /** Resolves once a successor has taken the ports and the requests in flight are done. */
  retired: Promise<void>
  /** Stops listening, drains, writes the last lines. Idempotent. */
  close(): Promise<void>
}

/** Loads the last table, listens (taking over from a predecessor), and opens the control socket. Throws Error with a sentence. */
export async function startRouter({ folder, httpHost, httpPort, limits }: RouterSettings): Promise<Router> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const table = tableFile(folder)
  const routes = new Routes()
  const stored = await table.load()
  if (stored) routes.swap(stored)
  const spool = new Spool({ folder: join(folder, 'requests') })
  const windows = new Windows()
  const sweeper = new Sweeper(Math.min(500, Math.max(10, Math.min(limits.idleMs, limits.firstByteMs) / 4)))
  const log = (appId: string, line: string) => spool.append(appId, line)
  const front = plainFront({ routes, limits, windows, sweeper, backlogOf: new Map(), log })
  const before = await predecessor(folder)
  const port = httpPort === 0 ? (before?.http.port ?? 0) : httpPort
  const http = await listen(front.server, { host: httpHost, port, setting: 'DOZEN_HTTP_PORT' }, folder, limits.takeoverMs)
  if (before) await retire(folder)

  let closing: Promise<void> | undefined
  const close = (drainMs: number) =>
    (closing ??= (async () => {
      await front.close(drainMs)
      control.close()
      control.closeAllConnections()
      await spool.close()
    })())
  let announce: () => void = () => {}
  const retired = new Promise<void>((resolve) => (announce = resolve))
  const take = serial(async (given: RouteTable): Promise<TableAck> => {
    if (given.version < routes.version) return { version: routes.version }
    await table.save(given)
    routes.swap(given)
    return { version: routes.version }
  })
  const control = await controlServer(folder, {
    take,
    status: (): RouterStatus => ({ version: routes.version, pid: process.pid, http, https: null, inflight: routes.inflight() }),
    startWindow: (id, app) => windows.start(id, app),
    endWindow: (id) => windows.end(id),
    releasePorts: async () => {
      void close(limits.releaseMs).then(announce)
    },
  })
  return { http, https: null, retired, close: () => close(limits.drainMs) }
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
