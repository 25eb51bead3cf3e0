import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { dispatcher, type Dispatch } from './dispatch.ts'
import { forward, forwardUpgrade, type Ending } from './forward.ts'
import { forwardedFor, requestHeaders, requestIdOf } from './headers.ts'
import { formatLine } from './line.ts'
import { errorPage, unknownHostPage, type Page } from './page.ts'
import { hostOf, type Routes } from './routes.ts'
import type { Limits } from './settings.ts'
import type { Spool } from './spool.ts'
import type { Windows } from './windows.ts'

type Deps = { routes: Routes; limits: Limits; spool: Pick<Spool, 'append'>; windows: Windows }
type Visit = { host: string; requestId: string; fwd: string; startedAt: number; waitedFrom: number }

/** The HTTP server that visitors meet. Each request: found, dispatched, forwarded, told. */
export function front({ routes, limits, spool, windows }: Deps): Server {
  const dispatch = dispatcher({ routes, limits })
  const server = createServer({ keepAliveTimeout: limits.idleMs, maxHeaderSize: 65_536 })
  server.maxHeadersCount = 1_000
  server.on('request', (req, res) => void serve(req, res))
  server.on('checkContinue', (req, res) => void serve(req, res))
  server.on('upgrade', (req, client, head) => void upgrade(req, client as Socket, head))
  return server

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const visit = visitOf(req)
    if (!visit) return answer(res, 400, { type: 'text/plain', body: 'The Host header is not a host name.\n' })
    const gone = new AbortController()
    res.on('close', () => gone.abort())
    const found = await dispatch(visit.host, gone.signal)
    if (!('socket' in found)) return refuse(req, res, visit, found)
    const waitMs = performance.now() - visit.waitedFrom
    const ending = await forward({ req, res, socket: found.socket, headers: headersFor(req, visit), limits })
    found.upstream.target.inflight -= 1
    if (ending.code && !ending.began) return refuse(req, res, visit, { ...found, code: ending.code })
    if (ending.code) res.destroy()
    tell(req, visit, found, ending, waitMs)
  }

  async function upgrade(req: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    const visit = visitOf(req)
    const res = responseOn(req, client)
    if (!visit) return answer(res, 400, { type: 'text/plain', body: 'The Host header is not a host name.\n' })
    const gone = new AbortController()
    client.on('error', () => {}).on('close', () => gone.abort())
    const found = await dispatch(visit.host, gone.signal)
    if (!('socket' in found)) return refuse(req, res, visit, found)
    const waitMs = performance.now() - visit.waitedFrom
    const ending = await forwardUpgrade({ req, client, head, socket: found.socket, headers: headersFor(req, visit), limits })
    found.upstream.target.inflight -= 1
    if (ending.code && !ending.began) return refuse(req, res, visit, { ...found, code: ending.code })
    tell(req, visit, found, ending, waitMs)
  }

  function visitOf(req: IncomingMessage): Visit | undefined {
    const host = hostOf(req.headers.host ?? '')
    if (host === undefined) return undefined
    const fwd = forwardedFor(req.rawHeaders, req.socket.remoteAddress?.replace(/^::ffff:/, '') ?? '')
    return { host, requestId: requestIdOf(req.rawHeaders), fwd, startedAt: Date.now(), waitedFrom: performance.now() }
  }

  function headersFor(req: IncomingMessage, visit: Visit): string[] {
    return requestHeaders(req.rawHeaders, { ...visit, proto: 'http', port: req.socket.localPort ?? 80 })
  }

  function refuse(req: IncomingMessage, res: ServerResponse, visit: Visit, found: Dispatch & { code?: Ending['code'] }): void {
    const accept = req.headers.accept ?? ''
    if (!found.app) return answer(res, 404, unknownHostPage(visit.host, visit.requestId, accept))
    const code = found.code ?? 'H99'
    answer(res, 503, errorPage(code, visit.requestId, accept), { 'X-Request-Id': visit.requestId })
    const waitMs = performance.now() - visit.waitedFrom
    tell(req, visit, found, { code, began: false, status: 503, bytes: 0, serviceMs: 0 }, waitMs)
  }

  function tell(req: IncomingMessage, visit: Visit, found: Dispatch, ending: Ending, waitMs: number): void {
    const { code, status, bytes } = ending
    const line = formatLine({
      code, status, bytes, method: req.method!, path: req.url!, host: visit.host, requestId: visit.requestId, fwd: visit.fwd,
      dyno: found.upstream?.dyno, connectMs: found.connectMs, serviceMs: ending.began ? ending.serviceMs : undefined,
      protocol: req.httpVersion === '1.0' ? 'http1.0' : 'http1.1', tls: false,
    }) // prettier-ignore
    spool.append(found.app!.id, line)
    const isOurs = code !== undefined && code !== 'H27' && code !== 'H28'
    windows.count({ appId: found.app!.id, failed: isOurs && !ending.began, cut: isOurs && ending.began, waitMs })
  }
}

function answer(res: ServerResponse, status: number, { type, body }: Page, more: Record<string, string> = {}): void {
  if (res.headersSent || res.destroyed) return
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store', ...more })
  res.end(body)
}

/** A way to answer an upgrade with a page: Node gives the bare socket only. */
function responseOn(req: IncomingMessage, client: Socket): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(client)
  res.on('finish', () => client.end())
  return res
}
