/** One seed decides what the fast part of the matrix runs; DOZEN_FAULTS_SEED takes another, DOZEN_FAULTS=all runs every cell. */
export const isWhole = process.env.DOZEN_FAULTS === 'all'
export const seed = Number(process.env.DOZEN_FAULTS_SEED ?? 1)

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
export function randomOf(from: number): () => number {
  let state = from >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** All cells when the whole matrix runs, else `count` of them, in an order of their own. */
export const chosen = <T>(cells: readonly T[], count: number, random: () => number): T[] =>
  isWhole ? [...cells] : some(cells, count, random)

/** `count` of them, each at most once. */
export function some<T>(from: readonly T[], count: number, random: () => number): T[] {
  const left = [...from]
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(Math.floor(random() * left.length), 1)[0]!)
}
