import { setTimeout } from 'node:timers/promises'

/** Time as a port. All instants are UTC; all durations are milliseconds. */
export interface Clock {
  now(): Date
  /** Resolves after `ms`, or rejects with `signal.reason` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Goes on evenly when the machine's clock is moved: it starts with it, and then counts for itself. */
export function steadyClock(clock: Clock, elapsedMs: () => number = () => performance.now()): Clock {
  const startMs = clock.now().getTime() - elapsedMs()
  return { ...clock, now: () => new Date(startMs + elapsedMs()) }
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await setTimeout(ms, undefined, signal ? { signal } : {})
  },
}
