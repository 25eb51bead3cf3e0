import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { linesBackwards } from './backwards.ts'
import type { LogLine } from './line.ts'

const SEGMENTS = 8
const POSITIONS = 'positions.json'

/** How far a container's log has been stored: the last position, and how many lines of it carry that position. */
export type Stored = { readonly position: string; readonly count: number }

/**
 * One app's lines in append-only text files `<first id>.log`, one line a record, fields divided by tabs:
 * id, time, source, dyno, release or -, origin or -, text. The oldest file goes when all together are larger than `bytes`.
 *
 * A container's line carries its position in the engine's log, so what was stored and how far it was read are one write: a kill at any byte
 * leaves them in step. `positions.json` is only a short cut: what it says as of an id, and the lines after that id, give the whole.
 */
export function logStore({ folder, appId, bytes }: { folder: string; appId: string; bytes: number }) {
  const path = join(folder, appId)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  let segments = files(path)
  let size = segments.length > 0 ? cutTornTail(join(path, segments.at(-1)!)) : 0
  let nextId = lastId() + 1
  const positions = new Map<string, Stored>()
  restorePositions()

  function rotate() {
    segments.push(`${String(nextId).padStart(12, '0')}.log`)
    size = 0
    for (const old of segments.slice(0, -SEGMENTS)) rmSync(join(path, old), { force: true })
    segments = segments.slice(-SEGMENTS)
  }

  function* backwards(): Generator<LogLine> {
    for (const file of segments.toReversed()) {
      if (!existsSync(join(path, file))) continue
      for (const record of linesBackwards(join(path, file))) {
        const line = decode(appId, record)
        if (line) yield line
      }
    }
  }

  function lastId(): number {
    for (const line of backwards()) return line.id
    return segments.length > 0 ? parseInt(segments.at(-1)!, 10) - 1 : 0
  }

  function restorePositions() {
    const saved = readPositions(join(path, POSITIONS))
    for (const [container, stored] of Object.entries(saved.positions)) positions.set(container, stored)
    const newer: LogLine[] = []
    for (const line of backwards()) {
      if (line.id <= saved.id) break
      if (line.origin) newer.push(line)
    }
    newer.reverse().forEach(advance)
  }

  function advance({ origin }: LogLine) {
    const [container = '', position = ''] = origin!.split(' ')
    const before = positions.get(container)
    positions.set(container, { position, count: before?.position === position ? before.count + 1 : 1 })
  }

  return {
    nextId: () => nextId++,
    append(lines: readonly LogLine[]) {
      if (lines.length === 0) return
      if (segments.length === 0 || size > bytes / SEGMENTS) rotate()
      const text = lines.map(encode).join('')
      appendFileSync(join(path, segments.at(-1)!), text, { mode: 0o600 })
      size += Buffer.byteLength(text)
      for (const line of lines) if (line.origin) advance(line)
    },
    /** Newest first. */
    backwards,
    stored: (container: string): Stored | undefined => positions.get(container),
    /** A container that is gone needs no position any more. */
    forget: (container: string) => void positions.delete(container),
    /** Call when nothing is waiting to be appended. */
    savePositions() {
      const text = JSON.stringify({ id: nextId - 1, positions: Object.fromEntries(positions) })
      writeFileSync(join(path, `${POSITIONS}.tmp`), text, { mode: 0o600 })
      renameSync(join(path, `${POSITIONS}.tmp`), join(path, POSITIONS))
    },
  }
}
export type LogStore = ReturnType<typeof logStore>

const files = (path: string) =>
  readdirSync(path)
    .filter((name) => /^\d{12}\.log$/.test(name))
    .sort()

function readPositions(file: string): { id: number; positions: Record<string, Stored> } {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { id: number; positions: Record<string, Stored> }
  } catch {
    return { id: 0, positions: {} } // absent or damaged: the lines themselves know
  }
}

/** A kill in the middle of a write leaves half a record: it goes. Returns the size that is left. */
function cutTornTail(file: string): number {
  const content = readFileSync(file)
  const end = content.lastIndexOf(0x0a) + 1
  if (end < content.length) truncateSync(file, end)
  return statSync(file).size
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
