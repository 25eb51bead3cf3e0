/**
 * The value below which `share` of all lie, from counts by class: read off a line through its class, as Prometheus' histogram_quantile does.
 * In the unit of `bounds`, whose last class has no end and answers its lower bound; null when nothing was counted.
 */
export function quantile(share: number, bounds: readonly number[], counts: readonly number[]): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let left = share * total
  for (const [i, count] of counts.entries()) {
    const from = bounds[i - 1] ?? 0
    if (left <= count || i === counts.length - 1) {
      const to = bounds[i] ?? from
      return Math.round((from + (to - from) * Math.min(1, left / Math.max(count, 1))) * 100) / 100
    }
    left -= count
  }
  return null
}
