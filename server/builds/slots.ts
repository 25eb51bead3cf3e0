/** At most `size` pieces of work at a time, whoever asks; the others wait in the order of arrival. */
export function slots(size: number) {
  let free = size
  const waiting: (() => void)[] = []
  const give = () => {
    const next = waiting.shift()
    if (next) next()
    else free += 1
  }

  return {
    /** Whether who comes now has to wait. */
    isFull: () => free === 0,

    /** Runs `work` in a slot. Rejects with the signal's reason when aborted while waiting. */
    async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
      await taken(signal)
      try {
        return await work()
      } finally {
        give()
      }
    },
  }

  async function taken(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (free > 0) return void (free -= 1)
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(mine), 1)
        reject(signal.reason as Error)
      }
      const mine = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      waiting.push(mine)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
