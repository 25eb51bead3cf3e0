import type { Clock } from '../../server/clock.ts'

/** A clock that moves only when told to. `sleep` ends when `advance` passes its deadline, or on abort. */
export function fakeClock(startMs = 0): Clock & { advance(ms: number): Promise<void> } {
  let now = startMs
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => new Date(now),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error)
        const giveUp = () => {
          sleepers.delete(sleeper)
          reject(signal!.reason as Error)
        }
        const sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', giveUp)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', giveUp, { once: true })
      }),
    async advance(ms) {
      now += ms
      for (const sleeper of [...sleepers]) if (sleeper.at <= now) sleeper.wake()
      await new Promise((resolve) => setImmediate(resolve)) // let whoever slept run
    },
  }
}
