/** One deploy per app at a time, in the order of arrival; a second push waits its turn. */
export function queue() {
  const tails = new Map<string, Promise<void>>()

  return {
    /** Whether somebody is before. */
    isBusy: (key: string) => tails.has(key),

    /** Runs `work` when all before it for `key` have ended. Rejects with the signal's reason when aborted while waiting. */
    async run<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      const before = tails.get(key) ?? Promise.resolve()
      let release = () => {}
      const mine = new Promise<void>((resolve) => (release = resolve))
      const tail = before.then(() => mine)
      tails.set(key, tail)
      void tail.then(() => tails.get(key) === tail && tails.delete(key))
      try {
        await Promise.race([before, aborted(signal)])
        return await work()
      } finally {
        release()
      }
    },
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = () => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
