import type { Code } from './codes.ts'
import type { RouteApp, RouteTable } from '../server/api/wire.ts'
import { LIMITS, type Limits } from './settings.ts'

/** An upstream address and what the router knows of it. Lives as long as a table or a request names it. */
export class Target {
  /** Requests and upgraded connections. */
  inflight = 0
  /** Epoch milliseconds until which it is not drawn, after a failed connect. */
  restsUntil = 0
  /** No table names it any more: its connections are not kept, so that its app can end in peace. */
  isGone = false
  #idle: Pooled[] = []
  readonly host: string
  readonly port: number
  constructor(readonly address: string) {
    const colon = address.lastIndexOf(':')
    this.host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    this.port = Number(address.slice(colon + 1))
  }

  /** The kept connection used last, if that was after `since`; the older ones wait on. */
  take(since: number): Pooled | undefined {
    const last = this.#idle.at(-1)
    return last && last.idleSince >= since ? this.#idle.pop() : undefined
  }

  keep(connection: Pooled): void {
    if (this.isGone || this.#idle.length >= MAX_KEPT) connection.destroy()
    else this.#idle.push(connection)
  }

  forget(connection: Pooled): void {
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  retire(): void {
    this.isGone = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }
}

/** Kept connections per target. */
const MAX_KEPT = 256
/** A connection that waits for its next request. `idleSince` is in milliseconds of `performance.now()`. */
export interface Pooled {
  readonly idleSince: number
  destroy(): void
}

/** One dyno of an app: a target under the name that the router line shows. */
export type Upstream = { readonly dyno: string; readonly target: Target }
export type AppRoute = Omit<RouteApp, 'targets'> & {
  readonly upstreams: readonly Upstream[]
  /** The router's limits with the app's own in their place. */
  readonly limits: Limits
  readonly usage: Usage
}
/** An app's visits in this process. Lives as long as the table names the app. */
export type Usage = {
  /** Requests and WebSockets. */
  inflight: number
  /** When the last one ended, or the app last began to serve; milliseconds of `performance.now()`. */
  at: number
  isServing: boolean
  /** When its turn began, and requests that began in it: see turns.ts. */
  turnAt: number
  starts: number
}

/** The table in force, looked up by host. A swap replaces it whole and touches no request in flight. */
export class Routes {
  version = 0
  /** ACME tokens that are being asked for just now; undefined = none. */
  challenges: ReadonlyMap<string, string> | undefined
  #exact = new Map<string, AppRoute>()
  #wildcard = new Map<string, AppRoute>()
  #targets = new Map<string, Target>()
  #waiters = new Set<() => void>()
  #apps = new Map<string, AppRoute>()

  constructor(private readonly limits: Limits = LIMITS) {}

  swap(table: RouteTable): void {
    const old = this.#targets
    const exact = new Map<string, AppRoute>()
    const wildcard = new Map<string, AppRoute>()
    const targets = new Map<string, Target>()
    const keep = (address: string) => {
      const target = targets.get(address) ?? old.get(address) ?? new Target(address)
      target.isGone = false
      targets.set(address, target)
      return target
    }
    const apps = new Map<string, AppRoute>()
    for (const { targets: listed, ...app } of table.apps) {
      const upstreams = listed.map(({ dyno, address }) => ({ dyno, target: keep(address) }))
      const usage = usageOf(app, this.#apps.get(app.id)?.usage)
      const route = { ...app, upstreams, limits: app.rules ? { ...this.limits, ...app.rules } : this.limits, usage }
      apps.set(app.id, route)
      for (const host of app.hosts) {
        if (host.startsWith('*.')) wildcard.set(host.slice(2), route)
        else exact.set(host, route)
      }
    }
    for (const [address, target] of old) {
      if (targets.has(address)) continue
      target.retire()
      if (target.inflight > 0) targets.set(address, target)
    }
    this.#exact = exact
    this.#wildcard = wildcard
    this.#targets = targets
    const challenges = Object.entries(table.challenges ?? {})
    this.challenges = challenges.length > 0 ? new Map(challenges) : undefined
    this.#apps = apps
    this.version = table.version
    this.#wake()
  }

  /** `host` as `hostOf` gives it. An exact name wins over a wildcard; a wildcard stands for one label. */
  find(host: string): AppRoute | undefined {
    const exact = this.#exact.get(host)
    if (exact || this.#wildcard.size === 0) return exact
    const dot = host.indexOf('.')
    return dot > 0 ? this.#wildcard.get(host.slice(dot + 1)) : undefined
  }

  /** Calls back once, at the next swap or after `ms`: both mean "look again". Returns what cancels it. */
  onChange(ms: number, look: () => void): () => void {
    const cancel = () => {
      clearTimeout(timer)
      this.#waiters.delete(done)
    }
    const done = () => {
      cancel()
      look()
    }
    const timer = setTimeout(done, ms)
    this.#waiters.add(done)
    return cancel
  }

  /** Address → in flight, for every target of the table and every removed one that is not drained yet. */
  inflight(): Record<string, number> {
    for (const [address, target] of this.#targets) {
      if (target.inflight === 0 && target.isGone) this.#targets.delete(address)
    }
    return Object.fromEntries([...this.#targets].map(([address, { inflight }]) => [address, inflight]))
  }

  /** App id → requests and WebSockets in flight, of the table's apps that have some. */
  visits(): Record<string, number> {
    const busy = [...this.#apps.values()].filter(({ usage }) => usage.inflight > 0)
    return Object.fromEntries(busy.map(({ id, usage }) => [id, usage.inflight]))
  }

  /** App id → milliseconds without a visit, of apps that serve and may sleep. */
  idle(): Record<string, number> {
    const now = performance.now()
    const all = [...this.#apps.values()].filter(({ sleeps, usage }) => sleeps && usage.isServing)
    return Object.fromEntries(all.map(({ id, usage }) => [id, usage.inflight > 0 ? 0 : Math.round(now - usage.at)]))
  }

  /** Whether an app keeps a limit that all processes keep together. */
  isLimited = (appId: string): boolean => {
    const rules = this.#apps.get(appId)?.rules
    return rules?.rate !== undefined || rules?.connections !== undefined
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }
}

function usageOf({ state }: RouteApp | Omit<RouteApp, 'targets'>, known: Usage | undefined): Usage {
  const usage = known ?? { inflight: 0, at: performance.now(), isServing: false, turnAt: 0, starts: 0 }
  const isServing = state === 'serving'
  if (isServing && !usage.isServing) usage.at = performance.now()
  usage.isServing = isServing
  return usage
}

/**
 * The name a Host header asks for: lower case, without port and trailing dot. "Shop.LocalHost.:8080" → "shop.localhost",
 * "[::1]:80" → "[::1]". RFC 9112 section 3.2; undefined when it is no valid host at all.
 */
export function hostOf(header: string): string | undefined {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}?)\.?(?::(\d{1,5})?)?$/.exec(header)
  if (!match || Number(match[2] ?? 0) > 65535) return undefined
  return match[1]!.toLowerCase()
}

/**
 * Draws the upstream with the fewest requests in flight out of two random ones ("power of two choices"), among those not in
 * `tried`; resting ones only when no other is left. Undefined when all were tried.
 */
export function pick(upstreams: readonly Upstream[], tried: ReadonlySet<Target> | undefined, now: number): Upstream | undefined {
  if (upstreams.length === 1 && !tried) return upstreams[0]
  const fresh = tried ? upstreams.filter(({ target }) => !tried.has(target)) : upstreams
  const awake = fresh.some(({ target }) => target.restsUntil > now)
    ? fresh.filter(({ target }) => target.restsUntil <= now)
    : fresh
  return leastOfTwo(awake.length > 0 ? awake : fresh)
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

function leastOfTwo(from: readonly Upstream[]): Upstream | undefined {
  if (from.length < 2) return from[0]
  const first = Math.floor(Math.random() * from.length)
  const second = (first + 1 + Math.floor(Math.random() * (from.length - 1))) % from.length
  const [a, b] = [from[first]!, from[second]!]
  return b.target.inflight < a.target.inflight ? b : a
}
