import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

/** How many requests an account may make at once, and how many come back each minute. */
export const RATE = { burst: 4500, perMinute: 4500 }

/** A bucket of requests per account (Heroku's `RateLimit-Remaining`). Throws rate_limit when it is empty. */
export function rateLimit({
  clock,
  burst = RATE.burst,
  perMinute = RATE.perMinute,
}: {
  clock: Clock
  burst?: number
  perMinute?: number
}) {
  const buckets = new Map<string, { left: number; at: number }>()
  const leftAt = (accountId: string, now: number) => {
    const { left, at } = buckets.get(accountId) ?? { left: burst, at: now }
    return Math.min(burst, left + (Math.max(0, now - at) / 60_000) * perMinute)
  }
  return {
    remaining: (accountId: string) => Math.floor(leftAt(accountId, clock.now().getTime())),
    /** What is left after this request. */
    take(accountId: string): number {
      const now = clock.now().getTime()
      const left = leftAt(accountId, now)
      if (left < 1)
        throw new AppError('rate_limit', `More than ${perMinute} requests came in a minute: wait some seconds and try again.`)
      buckets.set(accountId, { left: left - 1, at: now })
      return Math.floor(left - 1)
    },
  }
}
