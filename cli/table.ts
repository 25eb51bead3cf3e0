import { safe, width } from './terminal.ts'

/** Rows as aligned columns, two blanks between; no blanks at line ends. Cells are other people's text and made safe here. */
export function table(rows: readonly (readonly string[])[], { gap = '  ' } = {}): string[] {
  const cells = rows.map((row) => row.map((cell) => safe(cell, { keepColors: /^\x1b\[\d+m[^\x1b]*\x1b\[0m$/.test(cell) })))
  const widths: number[] = []
  for (const row of cells) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, width(bare(cell)))))
  return cells.map((row) =>
    row
      .map((cell, i) => cell + ' '.repeat(widths[i]! - width(bare(cell))))
      .join(gap)
      .trimEnd(),
  )
}

const bare = (cell: string) => cell.replace(/\x1b\[\d*m/g, '')

/** 2026-11-23T16:21:58Z, 90 s later → "2026/11/23 16:21:58 +0000 (~ 1m ago)", as Heroku writes times. */
export function when(iso: string, now: Date): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return iso
  const [day, time] = at.toISOString().split('T') as [string, string]
  return `${day.replaceAll('-', '/')} ${time.slice(0, 8)} +0000 (~ ${ago(now.getTime() - at.getTime())} ago)`
}

/** A time to come: "in 5m", "now" once it has come. */
export function until(iso: string, now: Date): string {
  const ms = new Date(iso).getTime() - now.getTime()
  return ms > 0 ? `in ${ago(ms)}` : 'now'
}

/** 5400000 → "1h". */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`
}

/** 1536 → "1.5 KiB". */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

/** "1 domain", "2 domains" */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`
