import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLine } from './line.ts'
import { decode, decodeNote, encode, encodeNote, recordsBackwards, recordsForwards } from './segment.ts'

const MAX_SEGMENT_BYTES = 8 * 1024 * 1024
const MIN_SEGMENTS = 8

type Options = { folder: string; appId: string; bytes: number }

/**
 * One app's lines in append-only text files `<first id>.log`, one record a line, fields divided by tabs: id, time, source, dyno,
 * release or -, origin or -, text. Records that begin with # are notes. The oldest file goes when all together exceed `bytes`.
 *
 * A line's `origin` is "<reader> <cursor>": the newest cursor of each reader is derived from the very records that it describes, so
 * no kill can part them; each segment begins with a note of all cursors, so only the newest one is read to know them. An origin
 * that begins with "+" marks a piece of a longer line, and belongs to no complete line until its last piece is there.
 */
export function logStore({ folder, appId, bytes }: Options) {
  const path = join(folder, appId)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.max(1, Math.floor(bytes / MIN_SEGMENTS)))
  const keep = Math.max(2, Math.floor(bytes / segmentBytes))
  const segments = segmentFiles(path)
  const { cursors, ...left } = recover(appId, path, segments)
  let { size, lastId } = left
  let nextId = lastId + 1
  let isTorn = false

  /** All or nothing: what a full disk took of it is cut off again, before the next write if not at once. */
  function write(text: string) {
    if (isTorn) cut()
    if (segments.length === 0 || size > segmentBytes) rotate()
    isTorn = true
    try {
      appendFileSync(join(path, segments.at(-1)!), text, { mode: 0o600 })
    } catch (cause) {
      cut()
      throw cause
    }
    size += Buffer.byteLength(text)
    isTorn = false
  }

  function cut() {
    if (segments.length > 0 && existsSync(join(path, segments.at(-1)!))) truncateSync(join(path, segments.at(-1)!), size)
    isTorn = false
  }

  function rotate() {
    const name = `${String(nextId).padStart(12, '0')}.log`
    const note = encodeNote({ cursors: Object.fromEntries(cursors) })
    appendFileSync(join(path, name), note, { mode: 0o600 })
    if (segments.at(-1) !== name) segments.push(name)
    size = sizeOf(name)
    drop(segments.length - keep)
  }

  /** The oldest so many. */
  function drop(count: number) {
    for (const old of segments.splice(0, Math.max(0, count))) rmSync(join(path, old), { force: true })
  }

  const sizeOf = (file: string) => statSync(join(path, file), { throwIfNoEntry: false })?.size ?? 0
  const writtenAt = (file: string) => statSync(join(path, file), { throwIfNoEntry: false })?.mtimeMs ?? 0

  return {
    /** Id of the newest line; 0 when there is none. */
    lastId: () => lastId,
    /** Newest cursor of a reader. */
    cursor: (reader: string) => cursors.get(reader),
    /** Gives the lines their ids and stores them; all or none. Throws what the file system says. */
    append(lines: LogLine[]) {
      if (lines.length === 0) return
      const first = nextId
      let text = ''
      for (const [index, line] of lines.entries()) text += encode(Object.assign(line, { id: first + index }))
      write(text)
      nextId = first + lines.length
      lastId = nextId - 1
      rememberAll(cursors, lines)
    },
    bytes: () => segments.slice(0, -1).reduce((sum, file) => sum + sizeOf(file), size),
    /** Removes the oldest file, if it is not the only one; returns its bytes. */
    dropOldest(): number {
      if (segments.length < 2) return 0
      const freed = sizeOf(segments[0]!)
      drop(1)
      return freed
    },
    /** Whole files go, of which a new one is begun about eight times within `age`; the newest keeps the cursors. */
    dropOlderThan(date: Date, now: Date) {
      const newest = segments.at(-1)
      if (newest === undefined) return
      const stepMs = (now.getTime() - date.getTime()) / MIN_SEGMENTS
      if (firstId(newest) <= lastId && begunAt(join(path, newest)) < now.getTime() - stepMs) rotate()
      drop(segments.slice(0, -1).filter((file) => writtenAt(file) < date.getTime()).length)
    },
    /** The reader will not come back: its cursors need not be kept. */
    forget(reader: string) {
      if (!forgetIn(cursors, reader)) return
      write(encodeNote({ forget: reader }))
    },
    /** Newest first. */
    *backwards(): Generator<LogLine> {
      for (const file of segments.toReversed()) yield* decoded(appId, recordsBackwards(join(path, file)))
    },
    /** Oldest first, from the first id above `afterId` on. What is appended meanwhile comes too. */
    *forwards(afterId: number): Generator<LogLine> {
      let last = afterId
      for (let file = after(segments, last); file; file = after(segments, last, file)) {
        for (const { record } of recordsForwards(join(path, file))) {
          const line = decode(appId, record)
          if (line && line.id > last) yield line
          if (line) last = Math.max(last, line.id)
        }
        if (last >= lastId) return
      }
    },
  }
}
export type LogStore = ReturnType<typeof logStore>

/** When its first line was written. */
function begunAt(file: string): number {
  for (const { record } of recordsForwards(file)) if (!record.startsWith('#')) return Date.parse(record.split('\t')[1]!)
  return Infinity
}

const firstId = (file: string) => Number(file.slice(0, 12))

/** The file that holds the first id above `id`, or the next one after `previous`. */
function after(files: readonly string[], id: number, previous?: string): string | undefined {
  if (previous) return files.find((file) => file > previous)
  return files.findLast((file) => firstId(file) <= id + 1) ?? files[0]
}

function* decoded(appId: string, records: Iterable<string>): Generator<LogLine> {
  for (const record of records) {
    const line = decode(appId, record)
    if (line) yield line
  }
}

const segmentFiles = (path: string) =>
  readdirSync(path)
    .filter((name) => /^\d{12}\.log$/.test(name))
    .sort()

/**
 * What an earlier life left. A kill in the middle of a write leaves half a record, or the first pieces of a line without its last:
 * they go, and whoever delivered them delivers them again.
 */
function recover(appId: string, path: string, segments: string[]) {
  const cursors = new Map<string, string>()
  let size = 0
  let lastId = segments.length > 0 ? firstId(segments.at(-1)!) - 1 : 0
  const from = segments.findLastIndex((file) => beginsWithNote(join(path, file)))
  for (const file of segments.slice(Math.max(0, from))) {
    size = 0
    for (const { record, end } of recordsForwards(join(path, file))) {
      const line = decode(appId, record)
      replay(cursors, record, line)
      if (line?.origin?.startsWith('+')) continue
      size = end
      if (line) lastId = line.id
    }
    if (statSync(join(path, file)).size > size) truncateSync(join(path, file), size)
  }
  return { size, lastId, cursors }
}

function beginsWithNote(file: string): boolean {
  for (const { record } of recordsForwards(file)) return record.startsWith('#')
  return false
}

function replay(cursors: Map<string, string>, record: string, line: LogLine | undefined) {
  if (line) return remember(cursors, line.origin)
  const note = decodeNote(record)
  if (note && 'cursors' in note) for (const [reader, cursor] of Object.entries(note.cursors)) cursors.set(reader, cursor)
  if (note && 'forget' in note) forgetIn(cursors, note.forget)
}

function remember(cursors: Map<string, string>, origin: string | undefined) {
  if (!origin || origin.startsWith('+')) return
  const space = origin.indexOf(' ')
  cursors.set(origin.slice(0, space), origin.slice(space + 1))
}

/** The newest of each reader, without looking into each line of a flood. */
function rememberAll(cursors: Map<string, string>, lines: readonly LogLine[]) {
  const known: string[] = []
  for (let at = lines.length - 1; at >= 0; at--) {
    const { origin } = lines[at]!
    if (!origin || origin.startsWith('+') || known.some((reader) => origin.startsWith(reader))) continue
    known.push(origin.slice(0, origin.indexOf(' ') + 1))
    remember(cursors, origin)
  }
}

/** "<reader>" and "<reader>/…". */
function forgetIn(cursors: Map<string, string>, reader: string): boolean {
  const gone = [...cursors.keys()].filter((key) => key === reader || key.startsWith(`${reader}/`))
  for (const key of gone) cursors.delete(key)
  return gone.length > 0
}
