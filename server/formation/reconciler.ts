import type { Clock } from '../clock.ts'

const RESYNC_MS = 10_000 // how long a missed engine event can go unnoticed
const RETRY_MS = 1_000

type Deps = {
  clock: Clock
  /** One look at both sides and the actions it calls for; answers in how many milliseconds to look again at the latest. */
  pass: () => Promise<number>
  onError: (cause: unknown) => void
}

/**
 * Brings the engine to the wanted state, for ever. `wake()` says "look again", never what changed: every pass reads both sides anew,
 * so a lost or doubled wake-up costs time, not correctness.
 */
export function reconciler({ clock, pass, onError }: Deps) {
  let wakeUp = () => {}
  let dirty = false

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      dirty = false
      const next = await pass().catch((cause: unknown) => {
        if (!signal.aborted) onError(cause)
        return RETRY_MS
      })
      if (dirty) continue
      const sleeping = new AbortController()
      wakeUp = () => sleeping.abort()
      await clock.sleep(Math.min(next, RESYNC_MS), AbortSignal.any([signal, sleeping.signal])).catch(() => {})
    }
  }

  const wake = () => {
    dirty = true
    wakeUp()
  }
  return { run, wake }
}
