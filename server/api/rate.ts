import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

/** A bucket of requests per account (Heroku's `RateLimit-Remaining`). Throws rate_limit when it is empty. */
export function rateLimit({
  clock,
  burst,
  perMinute,
}: {
  clock: Clock
  burst: number
  /** How many come back each minute. */
  perMinute: number
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
        throw new AppError(
          'rate_limit',
          `More than ${perMinute} requests came in a minute (DOZEN_API_RATE): wait some seconds and try again.`,
        )
      buckets.set(accountId, { left: left - 1, at: now })
      return Math.floor(left - 1)
    },
  }
}
