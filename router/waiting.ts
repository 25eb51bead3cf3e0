import type { Code } from './codes.ts'
import type { Shared } from './peer.ts'
import type { AppRoute } from './routes.ts'

/**
 * A request's wait for an app that starts, or sleeps and is to be woken: `look` is called when the table changes or the time is up.
 * Returns what gives the wait up, or the code of why there is none.
 */
export function waitFor(
  { routes, backlogOf, wake }: Shared,
  app: AppRoute,
  startedAt: number,
  look: () => void,
): (() => void) | Code {
  const isAsleep = app.state === 'asleep'
  // Who decides answers a wake-up within moments, with a table in which the app starts: if not, it is dead.
  const left = startedAt + (isAsleep ? app.limits.wakeMs : app.limits.bootWaitMs) - performance.now()
  if (left <= 0) return isAsleep ? 'H99' : 'H20'
  const count = backlogOf.get(app.id) ?? 0
  if (count >= app.limits.waiting) return 'H11'
  backlogOf.set(app.id, count + 1)
  if (isAsleep) wake(app.id)
  const leave = () => {
    const now = backlogOf.get(app.id)! - 1
    if (now === 0) backlogOf.delete(app.id)
    else backlogOf.set(app.id, now)
  }
  const cancel = routes.onChange(left, () => {
    leave()
    look()
  })
  return () => {
    cancel()
    leave()
  }
}
