import type { LogChunk, LogPosition } from '../engine/port.ts'

const MAX_LINE_BYTES = 1024 * 1024

export type StreamName = LogChunk['stream']
/** A chunk's place in its stream: chunks of one position are told apart by their order. */
export type Place = { position: LogPosition; order: number }
export type JoinedLine = {
  stream: StreamName
  text: string
  /** When its first piece was written. */
  position: LogPosition
  /** Its last chunk: whoever has this line has every chunk of the stream up to here. */
  place: Place
  /** Where the other stream's unfinished line began, if it has one. */
  openSince: LogPosition | undefined
}

type Open = { parts: Buffer[]; bytes: number; position: LogPosition }
type Line = { open: Open | undefined; place: Place | undefined; isResumed: boolean }

/** The engine cuts long lines into pieces; here they are one again, each stream on its own. Chunks up to `done` are passed over. */
export function joiner(done: Readonly<Partial<Record<StreamName, Place>>>, emit: (line: JoinedLine) => void) {
  const streams: Record<StreamName, Line> = {
    stdout: { open: undefined, place: undefined, isResumed: !done.stdout },
    stderr: { open: undefined, place: undefined, isResumed: !done.stderr },
  }

  function close(stream: StreamName) {
    const line = streams[stream]
    const { open, place } = line
    if (!open) return
    line.open = undefined
    const bytes = open.parts.length === 1 ? open.parts[0]! : Buffer.concat(open.parts)
    const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length
    const other = streams[stream === 'stdout' ? 'stderr' : 'stdout'].open
    emit({ stream, text: bytes.toString('utf8', 0, end), position: open.position, place: place!, openSince: other?.position })
  }

  return {
    add({ stream, bytes, position }: LogChunk) {
      const line = streams[stream]
      const order = line.place?.position === position ? line.place.order + 1 : 0
      line.place = { position, order }
      if (!line.isResumed && !isAfter(line.place, done[stream]!)) return
      line.isResumed = true
      line.open ??= { parts: [], bytes: 0, position }
      line.open.parts.push(bytes)
      line.open.bytes += bytes.length
      if (bytes.at(-1) === 0x0a || line.open.bytes >= MAX_LINE_BYTES) close(stream)
    },
    /** The log is at its end: what was not ended by a line end is a line too. */
    end() {
      close('stdout')
      close('stderr')
    },
  }
}

const isAfter = (a: Place, b: Place) => a.position > b.position || (a.position === b.position && a.order > b.order)
