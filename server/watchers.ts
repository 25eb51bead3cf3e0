import type { Clock } from './clock.ts'
import { LABEL } from './engine/labels.ts'
import type { Engine } from './engine/port.ts'

type Deps = {
  engine: Pick<Engine, 'watch'>
  instance: string
  clock: Clock
  /** Finds out whether the router still holds what it acknowledged. */
  verifyRouter: () => Promise<void>
  wake: () => void
}

const PAUSE_MS = 1_000
const VERIFY_MS = 5_000

/** What the outside does without being asked: both end when `signal` aborts. */
export function watchers({ engine, instance, clock, verifyRouter, wake }: Deps) {
  /** The engine's events wake the loop; a cut stream is opened again, and what was missed shows in the next look. */
  async function watchEngine(signal: AbortSignal) {
    while (!signal.aborted) {
      await engine.watch({ [LABEL.instance]: instance }, wake, signal).catch(() => {})
      await clock.sleep(PAUSE_MS, signal).catch(() => {})
    }
  }

  async function watchRouter(signal: AbortSignal) {
    while (!signal.aborted) {
      await verifyRouter()
      await clock.sleep(VERIFY_MS, signal).catch(() => {})
    }
  }

  return { run: (signal: AbortSignal) => Promise.all([watchEngine(signal), watchRouter(signal)]) }
}
