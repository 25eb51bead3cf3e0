import { readdirSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import type { LogStore } from './store.ts'

const LOOK_MS = 10 * 60_000
const APP_ID = /^[0-9a-f-]{36}$/

type Deps = { folder: string; clock: Clock; storeOf: (appId: string) => LogStore; ageMs: number; totalBytes: number }

/** Keeps all apps' streams together within their age and bytes. The app that takes most loses its oldest lines first: one that floods costs no other a line. */
export function bounds({ folder, clock, storeOf, ageMs, totalBytes }: Deps) {
  let lookedAt = -Infinity

  const stores = () =>
    readdirSync(folder)
      .filter((name) => APP_ID.test(name))
      .map(storeOf)

  function shrink() {
    const all = stores()
    let total = all.reduce((sum, store) => sum + store.bytes(), 0)
    while (total > totalBytes) {
      const largest = all.reduce((a, b) => (b.bytes() > a.bytes() ? b : a))
      const freed = largest.dropOldest()
      if (freed === 0) return
      total -= freed
    }
  }

  return () => {
    const now = clock.now()
    if (now.getTime() - lookedAt >= LOOK_MS) {
      lookedAt = now.getTime()
      for (const store of stores()) store.dropOlderThan(new Date(now.getTime() - ageMs), now)
    }
    shrink()
  }
}
