import type { LogChunk } from './port.ts'

const HEADER_BYTES = 8 // [stream, 0, 0, 0, big-endian size], https://docs.docker.com/reference/api/engine/ "Stream format"
const LF = 0x0a
const NO_TIME = '1970-01-01T00:00:00.000000000Z'

type OnFrame = (stream: LogChunk['stream'], bytes: Buffer, from: number, to: number) => void

/** Cuts the engine's multiplexed stream into whole frames, however the bytes were chunked on the way. */
function cutter() {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes: Buffer, onFrame: OnFrame) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
    let at = 0
    while (all.length - at >= HEADER_BYTES) {
      const from = at + HEADER_BYTES
      const to = from + all.readUInt32BE(at + 4)
      if (all.length < to) break
      onFrame(all[at] === 2 ? 'stderr' : 'stdout', all, from, to)
      at = to
    }
    rest = all.subarray(at)
  }
}

/** As frames of an attached container: no times in them. */
export function frameCutter() {
  const cut = cutter()
  return (bytes: Buffer): { stream: LogChunk['stream']; payload: Buffer }[] => {
    const frames: { stream: LogChunk['stream']; payload: Buffer }[] = []
    cut(bytes, (stream, all, from, to) => frames.push({ stream, payload: all.subarray(from, to) }))
    return frames
  }
}

/** As entries of a log, each of which begins with its time. */
export function entryCutter() {
  const cut = cutter()
  return (bytes: Buffer): LogChunk[] => {
    const entries: LogChunk[] = []
    cut(bytes, (stream, all, from, to) => entries.push(new Entry(stream, all, from, to)))
    return entries
  }
}

/** "2026-01-01T00:00:00.000000001Z text\n". Without a time (never seen) all of it is text. Decoded at once, since almost every entry is a whole line. */
class Entry implements LogChunk {
  readonly stream
  readonly position
  readonly line
  readonly #block
  readonly #from
  readonly #to

  constructor(stream: LogChunk['stream'], block: Buffer, from: number, to: number) {
    const space = block.indexOf(0x20, from) - from
    const isTimed = space >= 20 && space <= 40 && from + space < to
    const isWhole = block[to - 1] === LF
    const text = isWhole ? block.toString('utf8', from, to - 1) : ''
    this.stream = stream
    this.position = isTimed ? (isWhole ? text.slice(0, space) : block.toString('latin1', from, from + space)) : NO_TIME
    this.line = isWhole ? (isTimed ? text.slice(space + 1) : text) : undefined
    this.#block = block
    this.#from = isTimed ? from + space + 1 : from
    this.#to = to
  }

  get bytes(): Buffer {
    return this.#block.subarray(this.#from, this.#to)
  }
}

/** RFC 3339 with nanoseconds → "seconds.nanoseconds", as the engine's `since` wants it. */
export function sinceOf(position: string): string {
  const [, base, fraction = ''] = /^(.+?)(?:\.(\d{1,9}))?Z$/.exec(position) ?? []
  return `${Math.floor(Date.parse(`${base}Z`) / 1000)}.${fraction.padEnd(9, '0')}`
}
