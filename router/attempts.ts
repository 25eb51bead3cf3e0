import type { Code } from './codes.ts'
import { isReplayable, type RequestHead } from './http1/request.ts'
import type { Shared } from './peer.ts'
import { pick, type AppRoute, type Target, type Upstream as Dyno } from './routes.ts'
import { dial, type Upstream } from './upstream.ts'

/** Who wants a connection to an app. */
export interface Seeker {
  onOpen(upstream: Upstream, now: number): void
  /** This attempt has failed: another one may not. */
  start(): void
}

/** A kept connection that may be at its end is not used for what cannot be sent twice. */
const UNSAFE_IDLE_MS = 500

/** A request's attempts to reach a target. The one that it is at counts it as in flight. */
export class Attempts {
  /** Drawn last. */
  dyno: Dyno | undefined
  /** When that was; milliseconds of `performance.now()`. */
  dialedAt = 0
  /** Why the last attempt failed. */
  code: Code | undefined
  /** The connection has served others before. */
  isReused = false
  #tried: Set<Target> | undefined
  #counted: Target | undefined
  #cancel: (() => void) | undefined

  constructor(
    private readonly shared: Shared,
    private readonly request: RequestHead,
    private readonly seeker: Seeker,
  ) {}

  /** Draws a target and connects, maybe at once. False when no target is left. */
  next({ upstreams }: AppRoute): boolean {
    const tried = this.#tried
    const dyno = tried && tried.size >= this.shared.limits.tries ? undefined : pick(upstreams, tried, Date.now())
    if (!dyno) return false
    this.#reach(dyno)
    return true
  }

  #reach(dyno: Dyno): void {
    const { target } = dyno
    this.dyno = dyno
    this.#counted = target
    target.inflight += 1
    const now = performance.now()
    this.dialedAt = now
    const since = isReplayable(this.request) ? 0 : now - UNSAFE_IDLE_MS
    const kept = this.isReused ? undefined : target.take(since)
    this.isReused = kept !== undefined
    if (kept) this.seeker.onOpen(kept as Upstream, now)
    else this.#dial(target)
  }

  #dial(target: Target): void {
    const { sweeper, limits } = this.shared
    this.#cancel = dial(target, sweeper, limits.connectMs, (result) => {
      this.#cancel = undefined
      if (typeof result !== 'string') return this.seeker.onOpen(result, performance.now())
      this.leave()
      if (result !== 'H22') target.restsUntil = Date.now() + limits.restMs
      this.code = result
      ;(this.#tried ??= new Set()).add(target)
      this.seeker.start()
    })
  }

  /** The target does not count the request any more. */
  leave(): void {
    if (this.#counted) this.#counted.inflight -= 1
    this.#counted = undefined
  }

  /** Nobody waits for the connection any more. */
  cancel(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
