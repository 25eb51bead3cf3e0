import type { RouteApp, RouteTable } from '../server/api/wire.ts'

/** An upstream address and what the router knows of it. Lives as long as a table or a request names it. */
export class Target {
  /** Requests and upgraded connections. */
  inflight = 0
  /** Epoch milliseconds until which it is not drawn, after a failed connect. */
  restsUntil = 0
  readonly host: string
  readonly port: number
  constructor(readonly address: string) {
    const colon = address.lastIndexOf(':')
    this.host = address.slice(0, colon).replace(/^\[|\]$/g, '')
    this.port = Number(address.slice(colon + 1))
  }
}

/** One dyno of an app: a target under the name that the router line shows. */
export type Upstream = { readonly dyno: string; readonly target: Target }
export type AppRoute = Omit<RouteApp, 'targets'> & { readonly upstreams: readonly Upstream[] }

/** The table in force, looked up by host. A swap replaces it whole and touches no request in flight. */
export class Routes {
  version = 0
  #exact = new Map<string, AppRoute>()
  #wildcard = new Map<string, AppRoute>()
  #targets = new Map<string, Target>()
  #waiters = new Set<() => void>()

  swap(table: RouteTable): void {
    const old = this.#targets
    const exact = new Map<string, AppRoute>()
    const wildcard = new Map<string, AppRoute>()
    const targets = new Map<string, Target>()
    const keep = (address: string) => {
      const target = targets.get(address) ?? old.get(address) ?? new Target(address)
      targets.set(address, target)
      return target
    }
    for (const { targets: listed, ...app } of table.apps) {
      const route = { ...app, upstreams: listed.map(({ dyno, address }) => ({ dyno, target: keep(address) })) }
      for (const host of app.hosts) {
        if (host.startsWith('*.')) wildcard.set(host.slice(2), route)
        else exact.set(host, route)
      }
    }
    for (const [address, target] of old) if (target.inflight > 0 && !targets.has(address)) targets.set(address, target)
    this.#exact = exact
    this.#wildcard = wildcard
    this.#targets = targets
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

  /** Resolves at the next swap or after `ms`; both are "look again". `signal` ends it early. */
  changed(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        this.#waiters.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done)
      this.#waiters.add(done)
    })
  }

  /** Address → in flight, for every target of the table and every removed one that is not drained yet. */
  inflight(): Record<string, number> {
    for (const [address, target] of this.#targets) {
      if (target.inflight === 0 && !this.#isListed(address)) this.#targets.delete(address)
    }
    return Object.fromEntries([...this.#targets].map(([address, { inflight }]) => [address, inflight]))
  }

  #isListed(address: string): boolean {
    for (const app of [...this.#exact.values(), ...this.#wildcard.values()]) {
      if (app.upstreams.some(({ target }) => target.address === address)) return true
    }
    return false
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter()
  }
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
export function pick(upstreams: readonly Upstream[], tried: ReadonlySet<Target>, now: number): Upstream | undefined {
  const fresh = tried.size === 0 ? upstreams : upstreams.filter(({ target }) => !tried.has(target))
  const awake = fresh.some(({ target }) => target.restsUntil > now)
    ? fresh.filter(({ target }) => target.restsUntil <= now)
    : fresh
  return leastOfTwo(awake.length > 0 ? awake : fresh)
}

function leastOfTwo(from: readonly Upstream[]): Upstream | undefined {
  if (from.length < 2) return from[0]
  const first = Math.floor(Math.random() * from.length)
  const second = (first + 1 + Math.floor(Math.random() * (from.length - 1))) % from.length
  const [a, b] = [from[first]!, from[second]!]
  return b.target.inflight < a.target.inflight ? b : a
}
