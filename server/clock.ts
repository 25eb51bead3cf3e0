import { setTimeout } from 'node:timers/promises'

/** Time as a port. All instants are UTC; all durations are milliseconds. */
export interface Clock {
  now(): Date
  /** Resolves after `ms`, or rejects with `signal.reason` as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await setTimeout(ms, undefined, signal ? { signal } : {})
  },
}
