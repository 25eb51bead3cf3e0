import type { RouteRules } from '../server/api/wire.ts'

/** A place among the app's connections, where it limits them, and as many requests of its rate as `requests`. */
export type Ask = { app: string; connections?: number | undefined; rate?: RouteRules['rate']; requests: number }
/** How many `requests` were granted; `isFull`: no place is left. `retryMs`: when it is worth while to ask again. */
export type Grant = { isFull: boolean; requests: number; retryMs: number }

/** What one process of the router asks of the book. */
export interface Desk {
  ask(ask: Ask, done: (grant: Grant) => void): void
  /** A place is free again. */
  leave(app: string): void
}

const FULL_RETRY_MS = 20

/** Requests that may still be taken: refilled evenly, a whole span's worth at most. */
class Bucket {
  #left: number
  #at: number
  constructor(
    readonly rate: { count: number; perMs: number },
    now: number,
  ) {
    this.#left = rate.count
    this.#at = now
  }

  /** Up to `wanted`, at least one or none. */
  take(wanted: number, now: number): number {
    const { count, perMs } = this.rate
    this.#left = Math.min(count, this.#left + ((now - this.#at) * count) / perMs)
    this.#at = now
    const given = Math.min(wanted, Math.floor(this.#left))
    this.#left -= given
    return given
  }

  get retryMs(): number {
    return Math.max(1, Math.ceil(((1 - this.#left) * this.rate.perMs) / this.rate.count))
  }
}

/** The limits that all processes of the router keep together, in the main one: connections and rates of apps that have set them. */
export class Book {
  #held = new Map<string, number>()
  #buckets = new Map<string, Bucket>()

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** For one process; `close` when it has ended: what it held is free. */
  desk(): Desk & { close(): void } {
    const mine = new Map<string, number>()
    return {
      ask: (ask, done) => {
        const grant = this.#decide(ask)
        if (!grant.isFull && ask.connections !== undefined && grant.requests >= Math.min(1, ask.requests)) add(mine, ask.app, 1)
        done(grant)
      },
      leave: (app) => {
        if (!mine.has(app)) return
        add(mine, app, -1)
        add(this.#held, app, -1)
      },
      close: () => {
        for (const [app, count] of mine) add(this.#held, app, -count)
        mine.clear()
      },
    }
  }

  /** Forgets the rates of apps that have none any more. */
  keep(isLimited: (app: string) => boolean): void {
    for (const app of this.#buckets.keys()) if (!isLimited(app)) this.#buckets.delete(app)
  }

  #decide({ app, connections, rate, requests }: Ask): Grant {
    if (connections !== undefined && (this.#held.get(app) ?? 0) >= connections)
      return { isFull: true, requests: 0, retryMs: FULL_RETRY_MS }
    const bucket = rate && requests > 0 ? this.#bucketOf(app, rate) : undefined
    const given = bucket ? bucket.take(requests, this.now()) : requests
    if (bucket && given === 0) return { isFull: false, requests: 0, retryMs: bucket.retryMs }
    if (connections !== undefined) add(this.#held, app, 1)
    return { isFull: false, requests: given, retryMs: 0 }
  }

  #bucketOf(app: string, rate: NonNullable<Ask['rate']>): Bucket {
    const known = this.#buckets.get(app)
    if (known?.rate.count === rate.count && known.rate.perMs === rate.perMs) return known
    const made = new Bucket(rate, this.now())
    this.#buckets.set(app, made)
    return made
  }
}

function add(counts: Map<string, number>, app: string, by: number): void {
  const now = (counts.get(app) ?? 0) + by
  if (now > 0) counts.set(app, now)
  else counts.delete(app)
}
