import { Socket, type Server } from 'node:net'
import { join } from 'node:path'
import type { RouteTable } from '../server/api/wire.ts'
import { record } from './record.ts'
import { serve, type LocalServing } from './serving.ts'
import type { RouterSettings } from './settings.ts'
import type { Call, CallMessage, Reply } from './workers.ts'

type Hello = { hello: { ticketKeys: string; table: RouteTable | undefined } }

/** A worker process: serves on the main process's ports by its tables. Ends with it, but lets requests in flight finish. */
export function startWorker(settings: RouterSettings, exit: () => void): void {
  let serving: LocalServing | undefined
  process.on('message', (message: Hello | CallMessage, server?: Server) => {
    if ('hello' in message) serving = begin(settings, message)
    else void answer(serving!, message, server)
  })
  process.on('disconnect', () => void serving?.close(settings.limits.releaseMs).then(exit, exit))
}

function begin({ folder, limits, isTrusted }: RouterSettings, { hello }: Hello): LocalServing {
  const lines = linePipe(4)
  const serving = serve({
    limits,
    isTrusted,
    log: (appId, text) => lines(appId, text),
    openDoor: async (onSocket) => {
      const { openDoor } = await import('./tls.ts')
      const ticketKeys = Buffer.from(hello.ticketKeys, 'base64')
      return openDoor({ certs: join(folder, 'certs'), fallback: join(folder, 'fallback.pem'), ticketKeys, onSocket })
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
    case 'startWindow':
      return serving.startWindow(call.id, call.app)
    case 'endWindow':
      return serving.endWindow(call.id)
    case 'close':
      await serving.close(call.ms)
      // The last lines are on their way: one more turn of the pipe.
      await new Promise((resolve) => setTimeout(resolve, 2 * FLUSH_MS))
      return undefined
  }
}

const FLUSH_MS = 20
const FLUSH_BYTES = 65_536
const MEMORY_BYTES = 4 * 1024 * 1024

/** Records to the main process, which alone writes the spool. When it does not read, lines are dropped and counted. */
function linePipe(fd: number): (appId: string, text: string) => void {
  const pipe = new Socket({ fd, readable: false, writable: true })
  const dropped = new Map<string, number>()
  let batch = ''
  let timer: NodeJS.Timeout | undefined
  pipe.on('error', () => {})
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    for (const [appId, count] of dropped) batch += record(appId, `!dropped ${count}`)
    dropped.clear()
    pipe.write(batch)
    batch = ''
  }
  return (appId, text) => {
    if (pipe.writableLength > MEMORY_BYTES) return void dropped.set(appId, (dropped.get(appId) ?? 0) + 1)
    batch += record(appId, text)
    if (batch.length >= FLUSH_BYTES) flush()
    else timer ??= setTimeout(flush, FLUSH_MS)
  }
}
