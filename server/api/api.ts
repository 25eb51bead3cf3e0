import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { AppError } from '../errors.ts'
import type { App } from '../apps/app.ts'
import type { Ids } from '../ids.ts'
import { callerOf, checkScope } from './auth.ts'
import { errorHandler } from './error-handler.ts'
import { page } from './range.ts'
import type { Call, Deps, Reply, Route } from './route.ts'
import { appRoutes } from './routes/apps.ts'
import { accountRoutes, domainRoutes, fixedRoutes, logRoutes } from './routes/others.ts'
import { processRoutes } from './routes/processes.ts'
import { releaseRoutes } from './routes/releases.ts'

const BODY_BYTES = 1024 * 1024

export type ApiDeps = Deps & {
  ids: Ids
  /** Host names under which the API may be called; anything else is another site's page trying (DNS rebinding). */
  hostNames: () => readonly string[]
  webUrl: (app: App) => string
  serveLogs: (
    secret: string,
    reader: { lastEventId?: number | undefined; signal: AbortSignal; write: (text: string) => Promise<void> | void },
  ) => Promise<void>
  /** Smart HTTP of git, mounted before the API's own routes. */
  git: RequestHandler
  instance: string
  log: (id: string, cause: unknown) => void
}

/** Every route of the Platform API in one table. */
export const routes = (deps: Deps): Route[] => [
  ...appRoutes(deps),
  ...releaseRoutes(deps),
  ...processRoutes(deps),
  ...domainRoutes(deps),
  ...logRoutes(deps),
  ...accountRoutes(deps),
  ...fixedRoutes(deps),
]

/** The HTTP API as an express app. */
export function api(deps: ApiDeps): express.Express {
  const server = express().disable('x-powered-by').disable('etag').set('query parser', 'simple')
  server.use(guardHost(deps.hostNames))
  server.get('/health', (_req, res) => void res.json({ status: 'ok', instance: deps.instance }))
  server.get('/logs/:secret', (req, res) => streamLogs(deps, req, res))
  server.use(deps.git)
  server.use((req, res, next) => {
    res.set('Request-Id', String(req.headers['request-id'] ?? deps.ids.uuid()).slice(0, 8192))
    res.set('RateLimit-Remaining', '4500')
    res.set('Cache-Control', 'no-store')
    res.locals['caller'] = callerOf(deps.accounts, req) // before any body is read
    next()
  })
  server.use(express.json({ limit: BODY_BYTES, type: () => true, strict: true }))
  for (const route of routes(deps)) server[route.method](route.path, handler(deps, route))
  server.use((req) => {
    throw new AppError('not_found', `There is no ${req.method} ${req.path} here. docs/api.md lists what there is.`)
  })
  server.use(errorHandler({ log: deps.log, newId: () => deps.ids.uuid() }))
  return server
}

const handler =
  (deps: ApiDeps, route: Route): RequestHandler =>
  async (req, res) => {
    const caller = res.locals['caller'] as Call['caller']
    checkScope(caller, route.scope)
    const authority = req.headers.host ?? ''
    const origin = {
      apiUrl: `${(req.socket as { encrypted?: boolean }).encrypted ? 'https' : 'http'}://${authority}`,
      webUrl: deps.webUrl,
    }
    const params = req.params as Record<string, string>
    const call: Call = {
      caller,
      account: caller.account,
      params,
      query: req.query,
      body: bodyOf(req),
      range: req.headers.range,
      origin,
      authority,
    }
    send(res, await route.handle(call), call.range)
  }

function bodyOf(req: Request): Record<string, unknown> {
  const body: unknown = req.body
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body))
    throw new AppError('bad_request', 'The request body should be a JSON object.')
  return body as Record<string, unknown>
}

function send(res: Response, reply: Reply, range: string | undefined) {
  if ('json' in reply)
    return void res
      .status(reply.status ?? 200)
      .set(reply.headers ?? {})
      .json(reply.json)
  const { items, status, contentRange, nextRange } = page(range, reply.list as never[], reply.keys)
  res.status(status).set('Accept-Ranges', Object.keys(reply.keys).join(', ')).set('Content-Range', contentRange)
  if (nextRange) res.set('Next-Range', nextRange)
  res.json(items.map(reply.show))
}

function guardHost(hostNames: ApiDeps['hostNames']) {
  return (req: Request, _res: Response, next: NextFunction) => {
    const host = (req.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
    if (!hostNames().includes(host))
      throw new AppError('forbidden', `The API is not called ${JSON.stringify(host)}: use the address that \`dozen up\` printed.`)
    next()
  }
}

async function streamLogs(deps: ApiDeps, req: Request, res: Response) {
  const gone = new AbortController()
  res.on('close', () => gone.abort())
  const lastEventId = Number(req.headers['last-event-id'])
  const write = async (text: string) => {
    if (!res.headersSent) res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    if (!res.write(text) && !gone.signal.aborted) await drained(res)
  }
  await deps.serveLogs(req.params['secret'] as string, { signal: gone.signal, write, ...(lastEventId > 0 && { lastEventId }) })
  res.end()
}

const drained = (res: Response) =>
  new Promise<void>((resolve) => {
    res.once('drain', resolve)
    res.once('close', resolve)
  })
