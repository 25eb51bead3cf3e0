import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import { sleepStore, type Sleeper } from './store.ts'

const DEFAULT_AFTER_MS = 30 * 60_000
const LEAST_MS = 1_000
const MOST_MS = 30 * 86_400_000

type User = { email: string }
type Deps = { db: Db; clock: Clock; logs: LogSink; wake: () => void }

/** Whether an app may sleep, after how long without a visit, and since when it does. */
export type Sleep = { readonly isOn: boolean; readonly afterMs: number; readonly asleepAt: Date | null }

/**
 * Apps that go to sleep: their web processes end while nobody visits, and the next visit starts them. A state of the formation like a quantity: not a
 * release, and over with the next one, since a new release has to prove itself. Other process types go on: they have work without visitors.
 */
export function sleep({ db, clock, logs, wake }: Deps) {
  const store = sleepStore(db)
  const tell = (appId: string, dyno: string, text: string) =>
    logs.publish({ appId, source: dyno === 'api' ? 'app' : 'dozen', dyno, text })
  const shown = (sleeper: Sleeper | undefined): Sleep => ({
    isOn: sleeper !== undefined,
    afterMs: sleeper?.afterMs ?? DEFAULT_AFTER_MS,
    asleepAt: sleeper?.asleep?.at ?? null,
  })

  function wakeUp(appId: string, why: string): void {
    if (!store.wake(appId)) return
    tell(appId, 'web.1', `Unidling: ${why}`)
    wake()
  }

  return {
    find: (appId: string): Sleep => shown(store.find(appId)),
    /** Seconds; the default is half an hour. Throws invalid_params. */
    on(app: App, user: User, after: unknown): Sleep {
      const afterMs = after === undefined || after === null ? DEFAULT_AFTER_MS : Math.round(Number(after) * 1000)
      if (typeof (after ?? 0) !== 'number' || !(afterMs >= LEAST_MS && afterMs <= MOST_MS))
        throw invalid(
          `after should be a number of seconds from ${LEAST_MS / 1000} to ${MOST_MS / 1000}, not ${JSON.stringify(after)}.`,
        )
      store.put(app.id, afterMs)
      tell(app.id, 'api', `Let web sleep after ${afterMs / 1000} s without a visit by user ${user.email}`)
      wake()
      return shown(store.find(app.id))
    },
    /** Wakes it, too. */
    off(app: App, user: User): Sleep {
      if (!store.remove(app.id)) throw invalid(`${app.name} does not sleep.`)
      tell(app.id, 'api', `Keep web awake by user ${user.email}`)
      wake()
      return shown(undefined)
    },

    /** Those that may fall asleep, each with its release where it sleeps already. */
    sleepers: store.list,
    maySleep: (appId: string) => store.find(appId) !== undefined,
    /** Since when this release sleeps; undefined while it is awake. */
    asleepSince(appId: string, version: number): Date | undefined {
      const asleep = store.find(appId)?.asleep
      return asleep?.version === version ? asleep.at : undefined
    },
    lay(appId: string, version: number): void {
      store.lay(appId, version, clock.now())
      tell(appId, 'web.1', 'Idling')
      wake()
    },
    wakeUp,
  }
}
export type SleepVerbs = ReturnType<typeof sleep>
