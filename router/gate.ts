import type { RouteRules } from '../server/api/wire.ts'
import type { Ask, Desk, Grant } from './book.ts'

/** Why a request is turned away: too many at a time, or too many in a span of time. */
export type Refusal = { why: 'full' } | { why: 'rate'; retryS: number }
type Limited = { id: string; rules?: RouteRules | undefined }
type Done = (refusal?: Refusal) => void
/** `queue`: those that wait for the grant that is being asked for. */
type Lease = { requests: number; until: number; queue: Done[]; deniedUntil: number; refusal: Refusal }

/** Requests of a rate are fetched for so long ahead, in one go; what is not used within a second is lost. */
const AHEAD_MS = 50
const LEASE_MS = 1_000

/** Where the requests of apps with limits of their own wait for the book's word, in each process. A flood is refused here, unasked. */
export class Gate {
  #leases = new Map<string, Lease>()

  constructor(
    private readonly desk: Desk,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `done` comes once, maybe at once: without a refusal the request has entered, and has to `leave`. */
  enter({ id, rules }: Limited, done: Done): void {
    const { rate, connections } = rules ?? {}
    if (rate === undefined && connections === undefined) return done()
    const lease = this.#leaseOf(id)
    const now = this.now()
    if (lease.deniedUntil > now) return done(lease.refusal)
    if (connections !== undefined) {
      const ask: Ask = { app: id, connections, rate, requests: rate === undefined ? 0 : 1 }
      return this.desk.ask(ask, (grant) =>
        done(grant.isFull || grant.requests < ask.requests ? this.#deny(lease, grant) : undefined),
      )
    }
    if (this.#take(lease, now)) return done()
    lease.queue.push(done)
    if (lease.queue.length === 1) this.#fetch(id, lease, rate!)
  }

  /** The request that entered is over. */
  leave({ id, rules }: Limited): void {
    if (rules?.connections !== undefined) this.desk.leave(id)
  }

  /** Forgets apps that have no limits any more. */
  keep(isLimited: (app: string) => boolean): void {
    for (const app of this.#leases.keys()) if (!isLimited(app)) this.#leases.delete(app)
  }

  #take(lease: Lease, now: number): boolean {
    if (lease.requests < 1 || lease.until < now) return false
    lease.requests -= 1
    return true
  }

  #fetch(app: string, lease: Lease, rate: NonNullable<RouteRules['rate']>): void {
    this.desk.ask({ app, rate, requests: Math.max(ahead(rate), lease.queue.length) }, (grant) => {
      const now = this.now()
      lease.requests = (lease.until < now ? 0 : lease.requests) + grant.requests
      lease.until = now + LEASE_MS
      while (lease.queue.length > 0 && this.#take(lease, now)) lease.queue.shift()!()
      if (lease.queue.length === 0) return
      if (grant.requests > 0) return this.#fetch(app, lease, rate)
      const refusal = this.#deny(lease, grant)
      for (const done of lease.queue.splice(0)) done(refusal)
    })
  }

  #deny(lease: Lease, grant: Grant): Refusal {
    lease.deniedUntil = this.now() + grant.retryMs
    lease.refusal = grant.isFull ? { why: 'full' } : { why: 'rate', retryS: Math.ceil(grant.retryMs / 1000) }
    return lease.refusal
  }

  #leaseOf(app: string): Lease {
    let lease = this.#leases.get(app)
    if (!lease) this.#leases.set(app, (lease = { requests: 0, until: 0, queue: [], deniedUntil: 0, refusal: { why: 'full' } }))
    return lease
  }
}

const ahead = ({ count, perMs }: NonNullable<RouteRules['rate']>) => Math.max(1, Math.floor((count * AHEAD_MS) / perMs))
