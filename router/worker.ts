import { Socket, type Server } from 'node:net'
import { join } from 'node:path'
import type { RouteTable } from '../server/api/wire.ts'
import type { Desk, Grant } from './book.ts'
import { Batch } from './batch.ts'
import { record } from './record.ts'
import { serve, type LocalServing } from './serving.ts'
import type { RouterSettings } from './settings.ts'
import { Tickets } from './tickets.ts'
import { READY, type Call, type CallMessage, type Granted, type Reply, type Request } from './workers.ts'

type Hello = { hello: { tickets: Tickets['state']; table: RouteTable | undefined } }

/** A worker process: serves on the main process's ports by its tables. Ends with it, but lets requests in flight finish. */
export function startWorker(settings: RouterSettings, exit: () => void): void {
  let serving: LocalServing | undefined
  const desk = remoteDesk()
  process.on('message', (message: Hello | CallMessage | Granted, server?: Server) => {
    if ('granted' in message) desk.hear(message)
    else if ('hello' in message) {
      serving = begin(settings, desk, message)
      process.send!({ id: READY } satisfies Reply)
    } else void answer(serving!, message, server)
  })
  process.on('disconnect', () => void serving?.close(settings.limits.releaseMs).then(exit, exit))
}

function begin({ folder, limits, isTrusted }: RouterSettings, desk: Desk, { hello }: Hello): LocalServing {
  const lines = linePipe(4)
  const serving = serve({
    limits,
    isTrusted,
    log: (appId, text) => lines(appId, text),
    desk,
    wake: (app) => tell({ wake: app }),
    openDoor: async (onSocket) => {
      const { openDoor } = await import('./tls.ts')
      const tickets = Tickets.from(hello.tickets, limits.ticketMs)
      return openDoor({ certs: join(folder, 'certs'), fallback: join(folder, 'fallback.pem'), tickets, onSocket })
    },
  })
  if (hello.table) serving.routes.swap(hello.table)
  return serving
}

async function answer(serving: LocalServing, { id, call }: CallMessage, server: Server | undefined): Promise<void> {
  const value = await act(serving, call, server)
  if (id !== 0 && process.connected) process.send!({ id, value } satisfies Reply)
}

async function act(serving: LocalServing, call: Call, server: Server | undefined): Promise<unknown> {
  switch (call.do) {
    case 'door': {
      // A server that came through the channel has no options of its own yet.
      Object.assign(server!, { allowHalfOpen: true, noDelay: true })
      return serving.accept(server!, call.isTls)
    }
    case 'take':
      return serving.take(call.table)
    case 'inflight':
      return serving.inflight()
    case 'idle':
      return serving.idle()
    case 'counts':
      return serving.counts()
    case 'startWindow':
      return serving.startWindow(call.id, call.app)
    case 'endWindow':
      return serving.endWindow(call.id)
    case 'close':
      await serving.close(call.ms, call.farewellMs)
      // The last lines are on their way: one more turn of the pipe.
      await new Promise((resolve) => setTimeout(resolve, 2 * FLUSH_MS))
      return undefined
  }
}

const tell = (request: Request) => process.connected && process.send!(request)

/** The main process's book, through the channel. */
function remoteDesk(): Desk & { hear(granted: Granted): void } {
  const waiting = new Map<number, (grant: Grant) => void>()
  let last = 0
  return {
    ask(ask, done) {
      waiting.set(++last, done)
      tell({ ask, id: last })
    },
    leave: (app) => void tell({ leave: app }),
    hear({ granted, grant }) {
      waiting.get(granted)?.(grant)
      waiting.delete(granted)
    },
  }
}

const FLUSH_MS = 20
const FLUSH_BYTES = 65_536
const MEMORY_BYTES = 4 * 1024 * 1024

/** Records to the main process, which alone writes the spool. When it does not read, lines are dropped and counted. */
function linePipe(fd: number): (appId: string, text: string) => void {
  const pipe = new Socket({ fd, readable: false, writable: true })
  const dropped = new Map<string, number>()
  const batch = new Batch()
  let timer: NodeJS.Timeout | undefined
  pipe.on('error', () => {})
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    for (const [appId, count] of dropped) batch.add(record(appId, `!dropped ${count}`))
    dropped.clear()
    pipe.write(batch.take())
  }
  return (appId, text) => {
    if (pipe.writableLength > MEMORY_BYTES) return void dropped.set(appId, (dropped.get(appId) ?? 0) + 1)
    batch.add(record(appId, text))
    if (batch.size >= FLUSH_BYTES) flush()
    else timer ??= setTimeout(flush, FLUSH_MS)
  }
}
