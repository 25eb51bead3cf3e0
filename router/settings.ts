import { availableParallelism, homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { trustedProxies } from './address.ts'

/** Every number of CONTRACT.md's router section. Durations are milliseconds, sizes bytes. */
export const LIMITS = {
  /** Connect to a target. H19. */
  connectMs: 5_000,
  /** End of the request to the first byte of the response. H12. */
  firstByteMs: 30_000,
  /** Rolling, in each direction, once the response has begun; WebSockets too. H15, H28. */
  idleMs: 55_000,
  /** A request's wait for a starting app. H20. */
  bootWaitMs: 75_000,
  /** A target whose connect failed is not drawn for so long. */
  restMs: 5_000,
  /** Targets tried for one request. H21, H19. */
  tries: 10,
  /** A request's wait for a sign that its sleeping app is being woken. H99. */
  wakeMs: 10_000,
  /** Requests that wait for one starting app, in one process. H11. */
  waiting: 1_000,
  /** Requests and WebSockets in flight for one app, in one process. H22. */
  connections: 10_000,
  /** Largest request body. 413. */
  bodyBytes: Infinity,
  /** A TLS session ticket is good for so long at most. */
  ticketMs: 12 * 3_600_000,
  /** Stop: time that requests in flight have. */
  drainMs: 8_000,
  /** Takeover by a successor: time that requests in flight have. */
  releaseMs: 30_000,
  /** Takeover: time in which a connection that waits may bring one more request, and a TLS handshake may end. */
  farewellMs: 3_000,
  /** A new router's wait for its predecessor to release the ports. */
  takeoverMs: 10_000,
}
export type Limits = Readonly<typeof LIMITS>

export type RouterSettings = Readonly<{
  /** `$DOZEN_HOME/router`. */
  folder: string
  httpHost: string
  httpPort: number
  httpsPort: number
  /** Processes that serve, the main one included. */
  workers: number
  isTrusted: (address: string) => boolean
  limits: Limits
}>

type Env = Readonly<Record<string, string | undefined>>

/** Same names, defaults and grammar as server/config.ts, of which the router may import nothing. Throws Error with a sentence. */
export function parseSettings(env: Env): RouterSettings {
  const home = resolve((env.DOZEN_HOME || join(homedir(), '.dozen')).replace(/^~(?=\/|$)/, homedir()))
  return Object.freeze({
    folder: join(home, 'router'),
    httpHost: env.DOZEN_HTTP_HOST || '0.0.0.0',
    httpPort: port(env, 'DOZEN_HTTP_PORT', 8080),
    httpsPort: port(env, 'DOZEN_HTTPS_PORT', 8443),
    workers: workers(env),
    isTrusted: trustedProxies(env.DOZEN_TRUSTED_PROXIES ?? ''),
    limits: LIMITS,
  })
}

function port(env: Env, name: string, fallback: number): number {
  const text = env[name] || String(fallback)
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65535) return Number(text)
  throw new Error(`${name} is ${JSON.stringify(text)}, but should be a port from 0 to 65535.`)
}

function workers(env: Env): number {
  const text = env.DOZEN_ROUTER_WORKERS || String(Math.min(availableParallelism(), 16))
  if (/^\d{1,2}$/.test(text) && Number(text) > 0) return Number(text)
  throw new Error(`DOZEN_ROUTER_WORKERS is ${JSON.stringify(text)}, but should be a number of processes from 1 to 99.`)
}
