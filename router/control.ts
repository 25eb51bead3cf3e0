import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { chmodSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { RouterCounts, RouterStatus, RouteTable, SwitchCost, TableAck, WakeList, WindowRequest } from '../server/api/wire.ts'
import { parseTable } from './table-file.ts'

/** What the control socket may ask of the router. */
export type Controlled = {
  /** Persists the table and puts it in force, unless its version is older; answers the version in force either way. */
  take(table: RouteTable): Promise<TableAck>
  status(): RouterStatus | Promise<RouterStatus>
  counts(): Promise<RouterCounts>
  startWindow(id: string, app: string): void | Promise<void>
  endWindow(id: string): SwitchCost | undefined | Promise<SwitchCost | undefined>
  /** Resolves when a sleeping app is wanted that was not before number `after`, at the latest after `ms`. */
  wakes(after: number, ms: number): Promise<WakeList>
  /** Resolves once the ports are free; what is in flight goes on. */
  releasePorts(): Promise<void>
}

const TABLE_BYTES = 64 * 1024 * 1024
/** A call for wakes is answered after so long, come what may. */
const WAKES_MS = 25_000

/** Plain HTTP on `control.sock` (0600). Bound aside and renamed, so that a predecessor's socket is replaced in one step. */
export async function controlServer(folder: string, controlled: Controlled): Promise<Server> {
  const server = createServer((req, res) => {
    handle(req, controlled).then(
      ({ status, body }) => send(res, status, body),
      (error: Error) => send(res, 400, { id: 'bad_request', message: error.message }),
    )
  })
  const aside = join(folder, `c${process.pid}`)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(aside, resolve)
  })
  chmodSync(aside, 0o600)
  renameSync(aside, join(folder, 'control.sock'))
  return server
}

type Answer = { status: number; body?: unknown }

async function handle(req: IncomingMessage, controlled: Controlled): Promise<Answer> {
  const wakes = /^\/wakes\/(\d{1,15})$/.exec(req.url ?? '')?.[1]
  if (req.method === 'GET' && wakes) return { status: 200, body: await controlled.wakes(Number(wakes), WAKES_MS) }
  const window = /^\/windows\/([A-Za-z0-9-]{1,64})$/.exec(req.url ?? '')?.[1]
  switch (`${req.method} ${window ? '/windows/:id' : req.url}`) {
    case 'PUT /table': {
      const table = parseTable(await readJson(req))
      const ack = await controlled.take(table)
      return { status: ack.version > table.version ? 409 : 200, body: ack }
    }
    case 'GET /status':
      return { status: 200, body: await controlled.status() }
    case 'GET /counts':
      return { status: 200, body: await controlled.counts() }
    case 'PUT /windows/:id': {
      const { app } = (await readJson(req)) as WindowRequest
      if (typeof app !== 'string') throw new Error('The window names no app.')
      await controlled.startWindow(window!, app)
      return { status: 200, body: {} }
    }
    case 'DELETE /windows/:id': {
      const cost = await controlled.endWindow(window!)
      return cost ? { status: 200, body: cost } : { status: 404, body: { id: 'not_found', message: 'There is no such window.' } }
    }
    case 'POST /release-ports':
      await controlled.releasePorts()
      return { status: 200, body: {} }
    default:
      return { status: 404, body: { id: 'not_found', message: `The router does not know ${req.method} ${req.url}.` } }
  }
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > TABLE_BYTES) throw new Error('The body is larger than 64 MiB.')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

function send(res: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  // One call per connection: a kept one would still reach this router after a successor took its place.
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), Connection: 'close' })
  res.end(text)
}
