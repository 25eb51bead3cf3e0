import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLine } from './line.ts'

const SEGMENTS = 8

/**
 * One app's lines in append-only text files `<first id>.log`, one line a record, fields divided by tabs:
 * id, time, source, dyno, release or -, origin or -, text. The oldest file goes when all together are larger than `bytes`.
 */
export function logStore({ folder, appId, bytes }: { folder: string; appId: string; bytes: number }) {
  const path = join(folder, appId)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  let segments = files(path)
  let size = segments.length > 0 ? cutTornTail(join(path, segments.at(-1)!)) : 0
  let nextId = lastId(path, segments) + 1

  function rotate() {
    segments.push(`${String(nextId).padStart(12, '0')}.log`)
    size = 0
    for (const old of segments.slice(0, -SEGMENTS)) rmSync(join(path, old), { force: true })
    segments = segments.slice(-SEGMENTS)
  }

  return {
    nextId: () => nextId++,
    append(lines: readonly LogLine[]) {
      if (lines.length === 0) return
      if (segments.length === 0 || size > bytes / SEGMENTS) rotate()
      const text = lines.map(encode).join('')
      appendFileSync(join(path, segments.at(-1)!), text, { mode: 0o600 })
      size += Buffer.byteLength(text)
    },
    /** Newest first, file by file. */
    *backwards(): Generator<LogLine> {
      for (const file of segments.toReversed()) {
        const records = existsSync(join(path, file)) ? readFileSync(join(path, file), 'utf8').split('\n') : []
        for (const record of records.reverse()) {
          const line = record && decode(appId, record)
          if (line) yield line
        }
      }
    },
  }
}
export type LogStore = ReturnType<typeof logStore>

const files = (path: string) =>
  readdirSync(path)
    .filter((name) => /^\d{12}\.log$/.test(name))
    .sort()

/** A kill in the middle of a write leaves half a record: it goes. Returns the size that is left. */
function cutTornTail(file: string): number {
  const content = readFileSync(file)
  const end = content.lastIndexOf(0x0a) + 1
  if (end < content.length) truncateSync(file, end)
  return statSync(file).size
}

function lastId(path: string, segments: string[]): number {
  for (const file of segments.toReversed()) {
    const last = readFileSync(join(path, file), 'utf8').trimEnd().split('\n').at(-1)
    if (last) return Number(last.split('\t', 1)[0])
  }
  return 0
}

const encode = (l: LogLine) => `${[l.id, l.time, l.source, l.dyno, l.release ?? '-', l.origin ?? '-', l.text].join('\t')}\n`

function decode(appId: string, record: string): LogLine | undefined {
  const [id, time, source, dyno, release, origin, ...text] = record.split('\t')
  if (text.length === 0) return undefined
  return {
    appId,
    id: Number(id),
    time: time!,
    source: source as LogLine['source'],
    dyno: dyno!,
    release: release === '-' ? undefined : Number(release),
    origin: origin === '-' ? undefined : origin,
    text: text.join('\t'),
  }
}
