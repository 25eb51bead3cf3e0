import { spawn } from 'node:child_process'
import { Router, type Request, type RequestHandler, type Response } from 'express'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'
import type { Accounts, Caller } from '../accounts/accounts.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { bounded, tooLarge } from './body.ts'
import { GIT_SETTINGS, gitEnvironment } from './repos.ts'

const SERVICES = ['git-receive-pack', 'git-upload-pack'] as const
type Service = (typeof SERVICES)[number]

type Deps = {
  accounts: Accounts
  /** Throws not_found, also for what the caller may not see; forbidden for a push without the permission. */
  findApp: (caller: Caller, name: string, needed: 'deploy' | 'view') => App
  repoOf: (appId: string) => string
  hooksFolder: string
  /** Announces a push and returns what its hook will be told by: environment, and what to do when it is over. */
  announce: (push: { app: App; caller: Caller; gone: AbortSignal }) => { env: Record<string, string>; end: () => void }
  /** A client has asked for the refs in order to push. */
  expectPush: (app: App) => void
  callerOf: (req: Request, needed: 'deploy' | 'read') => Caller
  path: string | undefined
  maxPackBytes: number
  /** git processes at a time, each of which may hold some 100 MB. */
  maxExchanges?: number
  clock: Pick<Clock, 'sleep'>
  /** Longest time for what a client sends. */
  transferMs?: number
}

const TRANSFER_MS = 3_600_000

/** Smart HTTP (gitprotocol-http): `/<app>.git`, any user name, a token as the password. */
export function smartHttp(deps: Deps): RequestHandler {
  const router = Router({ strict: true })
  const open = new Set<Response>()
  router.get('/:app.git/info/refs', (req, res) => advertise(deps, req, res))
  for (const service of SERVICES) router.post(`/:app.git/${service}`, (req, res) => exchange(deps, open, service, req, res))
  router.use('/:app.git', (req, res) => {
    if (authorized(deps, 'git-upload-pack', req, res))
      res.status(403).type('text').send('Only smart HTTP is served here: use a git client.\n')
  })
  return router
}

/** The app of the path for a caller who may, or undefined once the request has been answered. */
function authorized(deps: Deps, service: Service, req: Request, res: Response): { app: App; caller: Caller } | undefined {
  try {
    const isPush = service === 'git-receive-pack'
    const caller = deps.callerOf(req, isPush ? 'deploy' : 'read')
    return { caller, app: deps.findApp(caller, req.params['app'] as string, isPush ? 'deploy' : 'view') }
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    if (cause.code === 'unauthorized') res.set('WWW-Authenticate', 'Basic realm="dozen"')
    const status = cause.code === 'unauthorized' ? 401 : cause.code === 'forbidden' ? 403 : 404
    res.status(status).type('text').send(`${cause.message}\n`)
    return undefined
  }
}

function advertise(deps: Deps, req: Request, res: Response) {
  const service = SERVICES.find((one) => one === req.query['service'])
  const found = authorized(deps, service ?? 'git-upload-pack', req, res)
  if (!found) return
  if (!service) return void res.status(403).type('text').send('Only smart HTTP is served here: use a git client.\n')
  if (service === 'git-receive-pack') deps.expectPush(found.app)
  res.set({ 'Content-Type': `application/x-${service}-advertisement`, 'Cache-Control': 'no-cache' })
  res.write(packetLine(`# service=${service}\n`) + '0000')
  const child = git(deps, req, [command(service), '--stateless-rpc', '--advertise-refs'], deps.repoOf(found.app.id))
  child.stdin.end()
  pipeline(child.stdout, res, () => {})
}

function exchange(deps: Deps, open: Set<Response>, service: Service, req: Request, res: Response) {
  const found = authorized(deps, service, req, res)
  if (!found) return
  const { maxExchanges = Infinity } = deps
  if (open.size >= maxExchanges)
    return void res
      .status(503)
      .set('Retry-After', '10')
      .type('text')
      .send(`${maxExchanges} pushes and fetches are under way, which is the most here (DOZEN_MAX_TRANSFERS): try again soon.\n`)
  open.add(res)
  res.on('close', () => open.delete(res))
  const gone = new AbortController()
  res.on('close', () => res.writableFinished || gone.abort())
  const push = service === 'git-receive-pack' ? deps.announce({ ...found, gone: gone.signal }) : undefined
  res.set({ 'Content-Type': `application/x-${service}-result`, 'Cache-Control': 'no-cache' })
  const child = git(deps, req, [command(service), '--stateless-rpc'], deps.repoOf(found.app.id), push?.env)
  const body = req.headers['content-encoding'] === 'gzip' ? pipeline(req, createGunzip(), () => {}) : req
  const counted = bounded(deps.maxPackBytes, () => res.write(tooLarge(deps.maxPackBytes)))
  void hurry(deps, req, gone.signal)
  pipeline(body, counted, child.stdin, () => {}) // a client that goes away ends git's input, and git with it
  pipeline(child.stdout, res, () => {})
  child.on('close', () => push?.end())
}

/** Cuts a client off that takes for ever to send what it has. */
async function hurry({ clock, transferMs = TRANSFER_MS }: Deps, req: Request, gone: AbortSignal) {
  const ended = new AbortController()
  req.once('end', () => ended.abort()).once('close', () => ended.abort())
  await clock.sleep(transferMs, AbortSignal.any([gone, ended.signal])).then(() => req.destroy(), () => {})
} // prettier-ignore

const command = (service: Service) => service.slice('git-'.length)
const packetLine = (text: string) => (text.length + 4).toString(16).padStart(4, '0') + text

function git(deps: Deps, req: Request, args: string[], repo: string, env: Record<string, string> = {}) {
  const protocol = String(req.headers['git-protocol'] ?? '')
  const settings = [
    ...GIT_SETTINGS,
    '-c',
    `core.hooksPath=${deps.hooksFolder}`,
    '-c',
    `receive.maxInputSize=${deps.maxPackBytes}`,
    '-c',
    `safe.directory=${repo}`,
  ]
  const child = spawn('git', [...settings, ...args, '--end-of-options', repo], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...gitEnvironment(deps.path), ...(/^version=[0-2]$/.test(protocol) && { GIT_PROTOCOL: protocol }), ...env },
  })
  child.on('error', () => child.stdout.destroy(new Error('git could not be started'))) // the client sees a cut answer
  child.stdin.on('error', () => {}) // git ended before its input did
  return child
}
