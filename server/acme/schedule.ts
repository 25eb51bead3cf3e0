import { createHash } from 'node:crypto'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/** A number from 0 to 1 that is always the same for a text: spreads many names over time without being kept anywhere. */
const spread = (text: string) => createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32

/** When a certificate is renewed: at two thirds of its life, up to a twentieth of it earlier. */
export function renewAt(host: string, { startsAt, expiresAt }: { startsAt: Date; expiresAt: Date }): Date {
  const lifeMs = expiresAt.getTime() - startsAt.getTime()
  return new Date(startsAt.getTime() + lifeMs * (2 / 3 - spread(`${host} ${startsAt.toISOString()}`) / 20))
}

/**
 * Wait after the n-th failure of a name in a row: 1 min, then 5 min, 10 min, 20 min … 12 h, each ± a quarter. That makes at most five in the
 * first hour, which is what Let's Encrypt allows.
 */
export function nameBackoffMs(host: string, failures: number): number {
  const ms = failures < 2 ? MINUTE_MS : 5 * MINUTE_MS * 2 ** Math.min(failures - 2, 20)
  return Math.min(12 * HOUR_MS, ms) * (0.75 + spread(`${host} ${failures}`) / 2)
}

/** Wait after the n-th failure of the authority itself in a row, for all names: 10 s, 20 s, 40 s … 1 h. */
export const authorityBackoffMs = (failures: number) => Math.min(HOUR_MS, 10_000 * 2 ** Math.min(failures - 1, 20))

/** Between looks at an order that the authority works on: half of the time it has taken so far, 1 s to 30 s. */
export const pollMs = (sinceMs: number) => Math.min(30_000, Math.max(1_000, sinceMs / 2))
