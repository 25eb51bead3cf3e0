import type { Clock } from '../clock.ts'
import type { Phase } from './built.ts'

/** Milliseconds that a build spends in each of its phases, one after the other. */
export function phases(clock: Pick<Clock, 'now'>) {
  const spent: Partial<Record<Phase, number>> = {}
  let current: Phase = 'source'
  let since = clock.now().getTime()
  const add = () => {
    const now = clock.now().getTime()
    spent[current] = (spent[current] ?? 0) + now - since
    since = now
  }
  return {
    enter(phase: Phase) {
      add()
      current = phase
    },
    /** Of those that were begun. */
    soFar() {
      add()
      return { ...spent }
    },
    all() {
      add()
      return { source: 0, build: 0, image: 0, ...spent }
    },
  }
}
export type Phases = ReturnType<typeof phases>
