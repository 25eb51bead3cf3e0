import type { Check } from '../manifest/check.ts'
import type { Clock } from '../clock.ts'
import type { Question } from './probe.ts'

type Live = { id: string; address: string; host: string; check: Check }
type Watched = { live: Live; stop: AbortController; sick: string | undefined }

/** Asks proven processes again and again how they are. A process that failed as often in a row as its check allows stays sick until it is gone. */
export function liveness({
  clock,
  probe,
  onSick,
}: {
  clock: Clock
  probe: (q: Question) => Promise<string | undefined>
  onSick: () => void
}) {
  const watched = new Map<string, Watched>()

  async function watch(one: Watched) {
    const { live, stop } = one
    const { path, intervalMs, timeoutMs, failures } = live.check
    for (let failed = 0; !stop.signal.aborted;) {
      await clock.sleep(intervalMs, stop.signal)
      const wrong = await probe({ address: live.address, path, timeoutMs, host: live.host })
      failed = wrong === undefined ? 0 : failed + 1
      if (failed < failures || stop.signal.aborted) continue
      one.sick = `the health check failed ${failed} times in a row: ${wrong}`
      return onSick()
    }
  }

  return {
    /** Why a process is to be started anew. */
    sickness: (id: string) => watched.get(id)?.sick,
    /** From now on exactly these. A changed check starts its count afresh. */
    follow(lives: readonly Live[]) {
      const now = new Map(lives.map((live) => [live.id, live]))
      for (const [id, { live, stop }] of watched) {
        const next = now.get(id)
        if (next && next.address === live.address && same(next.check, live.check)) continue
        stop.abort()
        watched.delete(id)
      }
      for (const live of lives) {
        if (watched.has(live.id)) continue
        const one: Watched = { live, stop: new AbortController(), sick: undefined }
        watched.set(live.id, one)
        watch(one).catch(() => {}) // stopped
      }
    },
    close: () => watched.forEach(({ stop }) => stop.abort()),
  }
}

const same = (a: Check, b: Check) =>
  a.path === b.path && a.intervalMs === b.intervalMs && a.timeoutMs === b.timeoutMs && a.failures === b.failures
