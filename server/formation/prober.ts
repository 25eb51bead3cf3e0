import type { Clock } from '../clock.ts'
import { probe as ask } from './probe.ts'

const FIRST_TRY_MS = 1000
/** An app that starts fast is found at once: the whole deploy waits for it. */
const PAUSES_MS = [5, 10, ...Array<number>(15).fill(12), 20, 40, 80, 160]
const LAST_PAUSE_MS = 250

/** A running web process; with a path, its health check must answer well there too before it counts as bound. */
type Running = { readonly id: string; readonly address: string; readonly path: string | null; readonly host: string }

/** Finds out whether a web process has bound its port. What was proven once stays proven while its container runs. */
export function prober({ clock, onBound }: { clock: Clock; onBound: () => void }) {
  const bound = new Set<string>()
  const probing = new Map<string, AbortController>()

  /** What the health check of one that does not count as bound yet got last. */
  const answersSoFar = new Map<string, string>()

  async function answers({ id, address, path, host }: Running): Promise<boolean> {
    const wrong = await ask({ address, path, host, timeoutMs: FIRST_TRY_MS })
    if (wrong === undefined) answersSoFar.delete(id)
    else answersSoFar.set(id, wrong)
    return wrong === undefined
  }

  async function probe(running: Running, signal: AbortSignal) {
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (await answers(running)) {
        if (signal.aborted) return
        bound.add(running.id)
        onBound()
        return
      }
      await clock.sleep(PAUSES_MS[attempt] ?? LAST_PAUSE_MS, signal).catch(() => {})
    }
  }

  const drop = (id: string, stop: AbortController) => {
    stop.abort()
    probing.delete(id)
  }

  return {
    isBound: (id: string) => bound.has(id),
    /** Why it does not count as bound; undefined when it does, or has not been asked. */
    lastAnswer: (id: string) => answersSoFar.get(id),

    /** Starts to probe those not known yet and forgets those not named. Resolves when each new one was tried once. */
    async follow(running: readonly Running[]) {
      const ids = new Set(running.map((one) => one.id))
      for (const id of bound) if (!ids.has(id)) bound.delete(id)
      for (const [id, stop] of probing) if (!ids.has(id)) drop(id, stop)
      for (const id of answersSoFar.keys()) if (!ids.has(id)) answersSoFar.delete(id)
      const fresh = running.filter(({ id }) => !bound.has(id) && !probing.has(id))
      await Promise.all(
        fresh.map(async (one) => {
          const { id } = one
          const stop = new AbortController()
          probing.set(id, stop)
          if (await answers(one)) bound.add(id)
          else void probe(one, stop.signal).finally(() => probing.get(id) === stop && probing.delete(id))
          if (bound.has(id)) probing.delete(id)
        }),
      )
    },

    close() {
      for (const stop of probing.values()) stop.abort()
    },
  }
}
