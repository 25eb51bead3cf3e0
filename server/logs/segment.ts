import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { LogLine } from './line.ts'

const BLOCK_BYTES = 256 * 1024
const NEWLINE = 0x0a

/** What a segment holds besides lines: where each reader was when the segment began, and which readers are gone. */
export type Note = { cursors: Record<string, string> } | { forget: string }

export const encode = (line: LogLine) =>
  `${line.id}\t${line.time}\t${line.source}\t${line.dyno}\t${line.release ?? '-'}\t${line.origin ?? '-'}\t${line.text}\n`

export const encodeNote = (note: Note) => `#\t${JSON.stringify(note)}\n`

/** The note of a record; undefined when it is a line. */
export const decodeNote = (record: string): Note | undefined =>
  record.startsWith('#\t') ? (JSON.parse(record.slice(2)) as Note) : undefined

/** The line of a record; undefined when it is a note, or nothing we wrote. */
export function decode(appId: string, record: string): LogLine | undefined {
  if (record.startsWith('#')) return undefined
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

/** A file's whole records, oldest first, block by block; what follows the last line end is not one. */
export function* recordsForwards(file: string): Generator<{ record: string; end: number }> {
  const fd = openOrNothing(file)
  if (fd === undefined) return
  try {
    let rest: Buffer = Buffer.alloc(0)
    for (let at = 0; ;) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES)
      const read = readSync(fd, block, 0, BLOCK_BYTES, at)
      if (read === 0) return
      const bytes = rest.length > 0 ? Buffer.concat([rest, block.subarray(0, read)]) : block.subarray(0, read)
      const base = at - rest.length
      let from = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
        yield { record: bytes.toString('utf8', from, end), end: base + end + 1 }
        from = end + 1
      }
      rest = bytes.subarray(from)
      at += read
    }
  } finally {
    closeSync(fd)
  }
}

/** A file's whole records, newest first, block by block. */
export function* recordsBackwards(file: string): Generator<string> {
  const fd = openOrNothing(file)
  if (fd === undefined) return
  try {
    yield* backwardsOf(fd)
  } finally {
    closeSync(fd)
  }
}

function* backwardsOf(fd: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0)
  let isTorn = true // what follows the last line end
  for (let at = fstatSync(fd).size; at > 0;) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, at))
    at -= block.length
    readSync(fd, block, 0, block.length, at)
    const bytes = rest.length > 0 ? Buffer.concat([block, rest]) : block
    let to = bytes.length
    for (const end of newlinesBackwards(bytes)) {
      if (!isTorn) yield bytes.toString('utf8', end + 1, to)
      isTorn = false
      to = end
    }
    rest = bytes.subarray(0, to)
  }
  if (!isTorn) yield rest.toString('utf8')
}

function* newlinesBackwards(bytes: Buffer): Generator<number> {
  for (let end = bytes.lastIndexOf(NEWLINE); end >= 0; end = bytes.lastIndexOf(NEWLINE, end - 1)) {
    yield end
    if (end === 0) return // a negative offset would count from the end
  }
}

function openOrNothing(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined // the oldest goes while somebody reads
    throw cause
  }
}
