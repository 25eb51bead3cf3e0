import { editDistance } from './edit-distance.ts'
import type { Entry } from './entry.ts'

export const find = (entries: readonly Entry[], name: string): Entry | undefined =>
  entries.find((entry) => entry.name === name || entry.aliases.includes(name))

/** The command that `name` was probably meant to be: at most a third of its characters differ. */
export function suggest(entries: readonly Entry[], name: string): string | undefined {
  const names = entries.filter(({ isHidden }) => !isHidden).flatMap((entry) => [entry.name, ...entry.aliases])
  const scored = names.map((other) => ({ other, distance: editDistance(name, other) })).sort((a, b) => a.distance - b.distance)
  const best = scored[0]
  return best && best.distance <= Math.max(1, Math.ceil(name.length / 3)) ? best.other : undefined
}
