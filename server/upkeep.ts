import type { Clock } from './clock.ts'

const PAUSE_MS = 10_000

type Chore = {
  /** For the log when it fails: "pruning images". */
  what: string
  /** May be repeated at any time. */
  work: () => Promise<unknown> | void
  /** Only after `ask`, and until it has gone well; else every time. */
  isOnDemand?: boolean
}

/** What a killed controller or a failing engine left in the middle of something, and what change makes due: done again and again. */
export function upkeep(
  chores: readonly Chore[],
  { clock, onError }: { clock: Clock; onError: (what: string, cause: unknown) => void },
) {
  let asked = true

  async function round() {
    const isAsked = asked
    asked = false
    for (const { what, work, isOnDemand } of chores) {
      if (isOnDemand && !isAsked) continue
      try {
        await work()
      } catch (cause) {
        onError(what, cause)
        asked ||= isOnDemand ?? false
      }
    }
  }

  return {
    /** Something has changed: the chores on demand are due. */
    ask() {
      asked = true
    },
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        await round()
        await clock.sleep(PAUSE_MS, signal).catch(() => {})
      }
    },
  }
}
