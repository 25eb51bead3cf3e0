import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import type { Db } from '../../db/open.ts'
import { AppError } from '../errors.ts'
import type { App } from '../apps/app.ts'
import type { Ids } from '../ids.ts'
import { callerOf, checkScope } from './auth.ts'
import { errorHandler } from './error-handler.ts'
import { bodyOf, jsonBody } from './body.ts'
import { idempotency } from './idempotency.ts'
import { rateLimit } from './rate.ts'
import { render, send } from './respond.ts'
import type { Call, Deps, Route } from './route.ts'
import type { Sources } from './sources.ts'
import type { Streams } from './streams.ts'
import { accessRoutes, peopleRoutes } from './routes/access.ts'
import { appRoutes } from './routes/apps.ts'
import { buildpackRoutes } from './routes/buildpacks.ts'
import { drainRoutes } from './routes/drains.ts'
import { certRoutes } from './routes/certs.ts'
import { checkRoutes } from './routes/checks.ts'
import { buildRoutes } from './routes/builds.ts'
import { accountRoutes, domainRoutes, fixedRoutes, logRoutes } from './routes/others.ts'
import { pipelineRoutes } from './routes/pipelines.ts'
import { processRoutes } from './routes/processes.ts'
import { releaseRoutes } from './routes/releases.ts'

type Once = ReturnType<typeof idempotency>['once']

export type ApiDeps = Omit<Deps, 'rate'> & {
  db: Db
  vault: { seal(text: string, place: string): Buffer; open(sealed: Buffer, place: string): string }
  streams: Streams
  sources: Sources
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
  ...buildRoutes(deps),
  ...buildpackRoutes(deps),
  ...certRoutes(deps),
  ...checkRoutes(deps),
  ...drainRoutes(deps),
  ...accessRoutes(deps),
  ...pipelineRoutes(deps),
  ...logRoutes(deps),
  ...accountRoutes(deps),
  ...peopleRoutes(deps),
  ...fixedRoutes(deps),
]

/** The HTTP API as an express app. */
export function api(deps: ApiDeps): express.Express {
  const rate = rateLimit(deps)
  const { once } = idempotency(deps)
  const server = express().disable('x-powered-by').disable('etag').set('query parser', 'simple')
  server.use(guardHost(deps.hostNames))
  server.use((req, res, next) => {
    res.set({ 'Request-Id': requestId(req) ?? deps.ids.uuid(), 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    next()
  })
  server.get('/health', (_req, res) => void res.json({ status: 'ok', instance: deps.instance }))
  server.get('/buildpacks/:name', (req, res) => void res.json({ blob_url: `urn:buildpack:${req.params['name'] as string}` })) // the official CLI's registry
  server.get('/logs/:secret', (req, res) => streamLogs(deps, req, res))
  server.get('/streams/:kind/:app/:id/:mac', (req, res) => streamOutput(deps, req, res))
  server.put('/sources/:secret', async (req, res) => {
    await deps.sources.put(req.params['secret'] as string, req)
    res.end()
  })
  server.use(deps.git)
  server.use((req, res, next) => {
    const caller = callerOf(deps.accounts, req) // before any body is read
    res.locals['caller'] = caller
    res.set('RateLimit-Remaining', String(rate.take(caller.account.id)))
    next()
  })
  server.use(jsonBody())
  for (const route of routes({ ...deps, rate })) server[route.method](route.path, handler(deps, once, route))
  server.use((req) => {
    throw new AppError('not_found', `There is no ${req.method} ${req.path} here. docs/api.md lists what there is.`)
  })
  server.use(errorHandler({ log: deps.log, newId: () => deps.ids.uuid() }))
  return server
}

/** Echoed where it is plain text; the official CLI sends a growing list of them. */
function requestId(req: Request): string | undefined {
  const given = String(req.headers['request-id'] ?? '')
  return /^[\x21-\x7e ,]{1,8192}$/.test(given) ? given : undefined
}

const handler =
  (deps: ApiDeps, once: Once, route: Route): RequestHandler =>
  async (req, res) => {
    const caller = res.locals['caller'] as Call['caller']
    checkScope(caller, route.scope)
    const call: Call = {
      caller,
      account: caller.account,
      params: req.params as Record<string, string>,
      query: req.query,
      body: bodyOf(req),
      range: req.headers.range,
      scope: route.scope,
      origin: originOf(deps, req),
      authority: req.headers.host ?? '',
    }
    const work = async () => render(await route.handle(call), call.range)
    const key = req.headers['idempotency-key']
    if (req.method === 'GET' || key === undefined) return send(req, res, await work())
    const ask = { accountId: caller.account.id, key: String(key), method: req.method, path: req.originalUrl, body: call.body }
    const { answer, replayed } = await once(ask, work)
    await send(req, res, replayed ? { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } } : answer)
  }

const originOf = ({ webUrl }: ApiDeps, req: Request) => ({
  apiUrl: `${(req.socket as { encrypted?: boolean }).encrypted ? 'https' : 'http'}://${req.headers.host ?? ''}`,
  webUrl,
})

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

async function streamOutput(deps: ApiDeps, req: Request, res: Response) {
  const gone = new AbortController()
  res.on('close', () => gone.abort())
  const write = async (text: string) => {
    if (!res.headersSent) res.type('text/plain; charset=utf-8').flushHeaders()
    if (text && !res.write(text) && !gone.signal.aborted) await drained(res)
  }
  await deps.streams.serve(req.params as Record<string, string>, { signal: gone.signal, write })
  res.end()
}

const drained = (res: Response) =>
  new Promise<void>((resolve) => {
    res.once('drain', resolve)
    res.once('close', resolve)
  })
