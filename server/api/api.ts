import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import type { Db } from '../../db/open.ts'
import { AppError } from '../errors.ts'
import type { App } from '../apps/app.ts'
import type { Ids } from '../ids.ts'
import type { Attempts } from './attempts.ts'
import { callerOf, checkScope } from './auth.ts'
import { eventsOf } from './events-of-calls.ts'
import { errorHandler } from './error-handler.ts'
import { bodyOf, hurry, jsonBody } from './body.ts'
import { idempotency, keyOf } from './idempotency.ts'
import { rateLimit } from './rate.ts'
import { render, send } from './respond.ts'
import type { Call, Deps, Route } from './route.ts'
import { schemaOf } from './schema/schema.ts'
import type { Sources } from './sources.ts'
import type { Streams } from './streams.ts'
import { notHere } from './not-here.ts'
import { accessRoutes, keyRoutes } from './routes/access.ts'
import { addonRoutes } from './routes/addons.ts'
import { appRoutes } from './routes/apps.ts'
import { buildpackRoutes } from './routes/buildpacks.ts'
import { eventRoutes } from './routes/events.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { catalogRoutes } from './routes/catalog.ts'
import { doctorRoutes } from './routes/doctor.ts'
import { domainRoutes } from './routes/domains.ts'
import { drainRoutes } from './routes/drains.ts'
import { acmeRoutes } from './routes/acme.ts'
import { certRoutes } from './routes/certs.ts'
import { checkRoutes } from './routes/checks.ts'
import { cronRoutes } from './routes/cron.ts'
import { featureRoutes } from './routes/features.ts'
import { latestRoutes } from './routes/latest.ts'
import { limitRoutes } from './routes/limits.ts'
import { metricRoutes } from './routes/metrics.ts'
import { buildRoutes } from './routes/builds.ts'
import { pipelineRoutes } from './routes/pipelines.ts'
import { machineRoutes } from './routes/machine.ts'
import { processRoutes } from './routes/processes.ts'
import { releaseRoutes } from './routes/releases.ts'
import { settingRoutes } from './routes/settings.ts'
import { sleepRoutes } from './routes/sleep.ts'
import { logRoutes, tokenRoutes } from './routes/tokens.ts'
import { transferRoutes } from './routes/transfers.ts'
import { userRoutes } from './routes/users.ts'

/** Longest time for a JSON body, and for the upload of a source. */
const BODY_MS = 60_000
const UPLOAD_MS = 3_600_000

type Once = ReturnType<typeof idempotency>['once']

export type ApiDeps = Omit<Deps, 'rate'> & {
  db: Db
  attempts: Attempts
  /** What one account may ask for in a minute, and the largest body of a request. */
  limits: { requestsPerMinute: number; bodyBytes: number; bodyMs?: number }
  vault: { seal(text: string, place: string): Buffer; open(sealed: Buffer, place: string): string }
  streams: Streams
  sources: Sources
  ids: Ids
  /** Host names under which the API may be called; anything else is another site's page trying (DNS rebinding). */
  hostNames: () => readonly string[]
  webUrl: (app: App) => string
  serveLogs: (
    secret: string,
    reader: {
      form: 'events' | 'text'
      lastEventId?: number | undefined
      signal: AbortSignal
      write: (text: string) => Promise<void> | void
    },
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
  ...acmeRoutes(deps),
  ...certRoutes(deps),
  ...checkRoutes(deps),
  ...cronRoutes(deps),
  ...limitRoutes(deps),
  ...metricRoutes(deps),
  ...doctorRoutes(deps),
  ...settingRoutes(deps),
  ...sleepRoutes(deps),
  ...drainRoutes(deps),
  ...webhookRoutes(deps),
  ...eventRoutes(deps),
  ...accessRoutes(deps),
  ...pipelineRoutes(deps),
  ...latestRoutes(deps),
  ...logRoutes(deps),
  ...userRoutes(deps),
  ...tokenRoutes(deps),
  ...keyRoutes(deps),
  ...transferRoutes(deps),
  ...addonRoutes(deps),
  ...featureRoutes(deps),
  ...catalogRoutes(deps),
  ...machineRoutes(deps),
]

/** Who reads this has an answer: it works. */
const SYSTEMS = ['Apps', 'Data', 'Tools'].map((system) => ({ system, status: 'green' }))

/** The HTTP API as an express app. */
export function api(deps: ApiDeps): express.Express {
  const { requestsPerMinute, bodyBytes, bodyMs = BODY_MS } = deps.limits
  const rate = rateLimit({ clock: deps.clock, burst: requestsPerMinute, perMinute: requestsPerMinute })
  const { once } = idempotency(deps)
  const table = routes({ ...deps, rate })
  let schema: string | undefined
  const schemaText = () => (schema ??= JSON.stringify(schemaOf(table)))
  const server = express().disable('x-powered-by').disable('etag').set('query parser', 'simple')
  server.use(guardHost(deps.hostNames))
  server.use((req, res, next) => {
    res.set({ 'Request-Id': requestId(req) ?? deps.ids.uuid(), 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    next()
  })
  server.get('/health', (_req, res) => void res.json({ status: 'ok', instance: deps.instance }))
  server.get('/buildpacks/:name', (req, res) => void res.json({ blob_url: `urn:buildpack:${req.params['name'] as string}` })) // the official CLI's registry
  server.get('/api/v4/current-status', (_req, res) => void res.json({ status: SYSTEMS, incidents: [], scheduled: [] })) // heroku status
  server.get('/schema', async (req, res) => send(req, res, { status: 200, headers: {}, text: schemaText() }))
  server.get('/logs/:secret', (req, res) => streamLogs(deps, req, res))
  server.get('/streams/:kind/:app/:id/:mac', (req, res) => streamOutput(deps, req, res))
  server.put('/sources/:secret', hurry(deps.clock, UPLOAD_MS), async (req, res) => {
    await deps.sources.put(req.params['secret'] as string, req)
    res.end()
  })
  server.use(deps.git)
  server.use((req, res, next) => {
    const caller = callerOf(deps, req) // before any body is read
    res.locals['caller'] = caller
    res.set('RateLimit-Remaining', '0') // of who is refused by the next line too
    res.set('RateLimit-Remaining', String(rate.take(caller.account.id)))
    next()
  })
  server.use(hurry(deps.clock, bodyMs), jsonBody(bodyBytes))
  server.get('/metrics', async (_req, res) => {
    const caller = res.locals['caller'] as Call['caller']
    checkScope(caller, 'read')
    const { type, body } = await deps.metrics.text(deps.useCases.apps.list(caller.account), caller.account.admin)
    res.type(type).send(body)
  })
  for (const route of table) server[route.method](route.path, handler(deps, once, route))
  server.use((req) => {
    throw notHere(req.method, req.path)
  })
  server.use(errorHandler({ bodyBytes, log: deps.log, newId: () => deps.ids.uuid() }))
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
    const work = async () => {
      const app = appBefore(deps, route, call)
      const reply = await route.handle(call)
      for (const event of eventsOf(route, call, 'json' in reply ? reply.json : null, app)) deps.events.record(event)
      return render(reply, call.range)
    }
    const key = req.method === 'GET' ? undefined : keyOf(req.headers)
    if (key === undefined) return send(req, res, await work())
    const ask = { accountId: caller.account.id, ...key, method: req.method, path: req.originalUrl, body: call.body }
    const { answer, replayed } = await once(ask, work)
    await send(req, res, replayed ? { ...answer, headers: { ...answer.headers, 'Idempotency-Replayed': 'true' } } : answer)
  }

/** The app of the path as it was before the call: afterwards it may be gone. */
function appBefore({ useCases }: ApiDeps, route: Route, { account, params }: Call): App | undefined {
  if (route.method === 'get' || params['app'] === undefined) return undefined
  return useCases.apps.list(account).find(({ id, name }) => id === params['app'] || name === params['app'])
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

const TYPES = { events: 'text/event-stream', text: 'text/plain; charset=utf-8' } as const

async function streamLogs(deps: ApiDeps, req: Request, res: Response) {
  const gone = new AbortController()
  res.on('close', () => gone.abort())
  const lastEventId = Number(req.headers['last-event-id'])
  const form = req.headers.accept?.includes('text/event-stream') ? 'events' : 'text'
  const write = async (text: string) => {
    if (!res.headersSent) res.set({ 'Content-Type': TYPES[form], 'Cache-Control': 'no-store' }).flushHeaders()
    if (text && !res.write(text) && !gone.signal.aborted) await drained(res)
  }
  const reader = { form, signal: gone.signal, write, ...(lastEventId > 0 && { lastEventId }) } as const
  await deps.serveLogs(req.params['secret'] as string, reader)
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
    const go = () => {
      res.off('drain', go).off('close', go)
      resolve()
    }
    res.on('drain', go).on('close', go)
  })
