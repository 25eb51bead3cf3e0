import type { LogLine } from './line.ts'

/**
 * By time, where each source's own order stays: a line counts as no older than the one before it of the same source. Pieces of one line have one
 * time and stay together.
 */
export function inOrder(lines: LogLine[]): LogLine[] {
  if (isOrdered(lines)) return lines
  const newest = new Map<string, string>()
  const timed = lines.map((line) => {
    const source = `${line.source} ${line.dyno}`
    const before = newest.get(source)
    const time = before !== undefined && before > line.time ? before : line.time
    newest.set(source, time)
    return { time, line }
  })
  timed.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)) // stable, ECMA-262 §23.1.3.30
  return timed.map(({ line }) => line)
}

function isOrdered(lines: readonly LogLine[]): boolean {
  for (let at = 1; at < lines.length; at++) if (lines[at]!.time < lines[at - 1]!.time) return false
  return true
}
