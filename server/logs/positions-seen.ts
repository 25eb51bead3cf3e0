import type { LogPosition } from '../engine/port.ts'

const RECENT = 128
const SAMPLE_EVERY = 64
const MAX_SAMPLES = 16_384

/**
 * Which positions of a stream came already, in bounded memory: the last 128, and every 64th of the last million. The engine's file begins again
 * from its first entry after a rotation, so that of those that come again some sample is among the first 64, or all are recent.
 */
export function positionsSeen() {
  const recent: LogPosition[] = []
  const samples = new Set<LogPosition>()
  let count = 0
  return {
    add(position: LogPosition) {
      recent[count % RECENT] = position
      if (++count % SAMPLE_EVERY !== 0) return
      samples.add(position)
      if (samples.size > MAX_SAMPLES) samples.delete(samples.values().next().value!)
    },
    has: (position: LogPosition) => samples.has(position) || recent.includes(position),
  }
}
