import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

const MINUTE_MS = 60_000
const MAX_ADDRESSES = 10_000

export type Attempts = ReturnType<typeof attempts>

/** Wrong tokens by address: whoever guesses is told to wait. A right token always passes, so nobody can lock others out from behind the same address. */
export function attempts({ clock, perMinute }: { clock: Pick<Clock, 'now'>; perMinute: number }) {
  const buckets = new Map<string, { wrong: number; since: number }>()

  function bucketOf(address: string) {
    const now = clock.now().getTime()
    const found = buckets.get(address)
    if (found && Math.abs(now - found.since) < MINUTE_MS) return found
    const fresh = { wrong: 0, since: now }
    buckets.delete(address)
    buckets.set(address, fresh)
    for (const [oldest] of buckets) if (buckets.size > MAX_ADDRESSES) buckets.delete(oldest)
    return fresh
  }

  return {
    /** Counts a wrong token. Throws rate_limit when there were too many. */
    wrong(address = ''): void {
      const bucket = bucketOf(address)
      if (++bucket.wrong <= perMinute) return
      throw new AppError(
        'rate_limit',
        `More than ${perMinute} wrong tokens came from ${address || 'this address'} in a minute (DOZEN_LOGIN_RATE): wait a minute, then use the right one.`,
      )
    },
  }
}
