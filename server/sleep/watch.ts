import type { Clock } from '../clock.ts'
import type { SleepVerbs } from './sleep.ts'

/** Looks at the router no more often and no more seldom; while no app may sleep, only at the database. */
const LOOK_MS = { least: 250, most: 10_000, none: 1_000 }
const RETRY_MS = 250

type Deps = {
  clock: Clock
  sleep: Pick<SleepVerbs, 'sleepers' | 'lay' | 'wakeUp'>
  router: {
    status(): Promise<{ idle?: Record<string, number> }>
    /** Sleeping apps that are visited, once there is one that came after number `after`. */
    wakes(after: number, signal: AbortSignal): Promise<{ seq: number; apps: string[] }>
  }
  /** The release that serves and is alone; undefined while another one is on its way, or nothing is deployed. */
  settled: (appId: string) => { version: number } | undefined
}

/** Puts apps to sleep that nobody visits, and wakes those that somebody does. Both on the router's word; the database alone remembers. */
export function sleepWatch({ clock, sleep, router, settled }: Deps) {
  /** Answers when to look again. */
  async function look(): Promise<number> {
    const awake = sleep.sleepers().flatMap(({ appId, afterMs, asleep }) => {
      const release = settled(appId)
      return release && release.version !== asleep?.version ? [{ appId, afterMs, version: release.version }] : []
    })
    if (awake.length === 0) return LOOK_MS.none
    const { idle = {} } = await router.status()
    const due = awake.filter(({ appId, afterMs }) => (idle[appId] ?? 0) >= afterMs)
    for (const { appId, version } of due) sleep.lay(appId, version)
    return Math.min(...awake.map(({ appId, afterMs }) => afterMs - (idle[appId] ?? 0)).filter((left) => left > 0))
  }

  async function lull(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const next = await look().catch(() => LOOK_MS.most)
      await clock.sleep(Math.min(Math.max(next, LOOK_MS.least), LOOK_MS.most), signal).catch(() => {})
    }
  }

  /** Numbers begin at 0, so that a visit from before our time is heard too. */
  async function listen(signal: AbortSignal): Promise<void> {
    for (let after = 0; !signal.aborted;) {
      try {
        const { seq, apps } = await router.wakes(after, signal)
        after = seq
        for (const appId of apps) sleep.wakeUp(appId, 'somebody visits')
      } catch {
        await clock.sleep(RETRY_MS, signal).catch(() => {})
      }
    }
  }

  return { run: (signal: AbortSignal) => Promise.all([lull(signal), listen(signal)]), look }
}
