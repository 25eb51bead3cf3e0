import { connect } from 'node:net'
import type { Clock } from '../clock.ts'

const FIRST_TRY_MS = 1000
const PAUSES_MS = [5, 10, 20, 20, 40, 40, 80, 80, 160]
const LAST_PAUSE_MS = 250

/** Finds out whether a web process has bound its port. What was proven once stays proven while its container runs. */
export function prober({ clock, onBound }: { clock: Clock; onBound: () => void }) {
  const bound = new Set<string>()
  const probing = new Map<string, AbortController>()

  async function probe(id: string, address: string, signal: AbortSignal) {
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (await answers(address)) {
        if (signal.aborted) return
        bound.add(id)
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

    /** Starts to probe those not known yet and forgets those not named. Resolves when each new one was tried once. */
    async follow(running: readonly { id: string; address: string }[]) {
      const ids = new Set(running.map((one) => one.id))
      for (const id of bound) if (!ids.has(id)) bound.delete(id)
      for (const [id, stop] of probing) if (!ids.has(id)) drop(id, stop)
      const fresh = running.filter(({ id }) => !bound.has(id) && !probing.has(id))
      await Promise.all(
        fresh.map(async ({ id, address }) => {
          const stop = new AbortController()
          probing.set(id, stop)
          if (await answers(address)) bound.add(id)
          else void probe(id, address, stop.signal).finally(() => probing.get(id) === stop && probing.delete(id))
          if (bound.has(id)) probing.delete(id)
        }),
      )
    },

    close() {
      for (const stop of probing.values()) stop.abort()
    },
  }
}

/** Whether something accepts TCP connections at "ip:port" within a second. */
function answers(address: string): Promise<boolean> {
  const [host, port] = address.split(':')
  return new Promise((resolve) => {
    const socket = connect({ host: host!, port: Number(port), timeout: FIRST_TRY_MS })
    const end = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
