import { connect as netConnect, type Socket } from 'node:net'
import type { Code } from './codes.ts'
import { pick, type AppRoute, type Routes, type Target, type Upstream } from './routes.ts'
import type { Limits } from './settings.ts'

/** A target took the request: `target.inflight` counts it already; the caller counts it down once it is over. */
export type Taken = { app: AppRoute; upstream: Upstream; socket: Socket; connectMs: number }
/** Nobody took it. `app` is absent for an unknown host. */
export type Refused = { app?: AppRoute | undefined; code?: Code | undefined; upstream?: Upstream | undefined; connectMs?: number }
export type Dispatch = Taken | Refused

type Deps = { routes: Routes; limits: Limits }

/** Finds who answers `host`: waits for a starting app, draws a target, connects, and tries others when that fails. */
export function dispatcher({ routes, limits }: Deps) {
  const waiting = new Map<string, number>()

  return async function dispatch(host: string, signal: AbortSignal): Promise<Dispatch> {
    const deadline = Date.now() + limits.bootWaitMs
    const tried = new Set<Target>()
    let last: Refused = { code: 'H99' }
    while (!signal.aborted) {
      const app = routes.find(host)
      if (!app) return {}
      const code = verdict(app)
      if (code) return { app, code }
      if (app.upstreams.length === 0) {
        const late = await wait(app, deadline, signal)
        if (late) return { app, code: late }
        continue
      }
      const upstream = tried.size < limits.tries ? pick(app.upstreams, tried, Date.now()) : undefined
      if (!upstream) return { ...last, app }
      tried.add(upstream.target)
      const attempt = await reach(app, upstream)
      if ('socket' in attempt) return attempt
      last = attempt
    }
    return last
  }

  async function wait(app: AppRoute, deadline: number, signal: AbortSignal): Promise<Code | undefined> {
    const ms = deadline - Date.now()
    if (ms <= 0) return 'H20'
    const count = waiting.get(app.id) ?? 0
    if (count >= limits.waiting) return 'H11'
    waiting.set(app.id, count + 1)
    await routes.changed(ms, signal)
    const left = waiting.get(app.id)! - 1
    if (left === 0) waiting.delete(app.id)
    else waiting.set(app.id, left)
    return undefined
  }

  async function reach(app: AppRoute, upstream: Upstream): Promise<Taken | Refused> {
    const { target } = upstream
    const startedAt = performance.now()
    target.inflight += 1
    const socket = await connect(target, limits.connectMs)
    const connectMs = performance.now() - startedAt
    if (typeof socket !== 'string') return { app, upstream, socket, connectMs }
    target.inflight -= 1
    target.restsUntil = Date.now() + limits.restMs
    return { app, upstream, code: socket, connectMs }
  }
}

/** Why an app cannot answer, by its state alone; undefined when it has targets or may get some. */
export function verdict(app: AppRoute): Code | undefined {
  if (app.maintenance) return 'H80'
  if (app.upstreams.length > 0) return undefined
  if (app.state === 'blank') return 'H81'
  if (app.state === 'stopped') return 'H14'
  if (app.state === 'crashed') return 'H10'
  return undefined
}

function connect(target: Target, timeoutMs: number): Promise<Socket | 'H19' | 'H21'> {
  return new Promise((resolve) => {
    const socket = netConnect({ host: target.host, port: target.port, noDelay: true })
    const end = (result: Socket | 'H19' | 'H21') => {
      clearTimeout(timer)
      socket.removeAllListeners('connect')
      if (typeof result === 'string') socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => end('H19'), timeoutMs)
    socket.once('connect', () => end(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ETIMEDOUT' ? 'H19' : 'H21'))
    socket.on('error', () => {})
  })
}
