import type { LogChunk, LogPosition } from '../engine/port.ts'
import { positionsSeen } from './positions-seen.ts'

const MAX_LINE_BYTES = 1024 * 1024
const DOUBTFUL_CHUNKS = 200
const DOUBTFUL_MS = 1_000

export type StreamName = LogChunk['stream']
/** A chunk's place in its stream: chunks of one position are told apart by their order. */
export type Place = { position: LogPosition; order: number }
export type JoinedLine = {
  stream: StreamName
  text: string
  /** When its first piece was written. */
  position: LogPosition
  /** Its last chunk: whoever has this line has every chunk of the stream up to there. */
  place: LogPosition
  order: number
  /** Where the other stream's unfinished line began, if it has one. */
  openSince: LogPosition | undefined
}

type Options = {
  /** What is stored already, per stream. */
  done: Readonly<Partial<Record<StreamName, Place>>>
  /** From where on the log is read; absent = from its beginning. */
  since: LogPosition | undefined
  now: () => Date
  emit: (line: JoinedLine) => void
  /** The log does not reach back to where it was left. */
  onGap: (position: LogPosition) => void
}
type Open = { parts: Buffer[]; bytes: number; position: LogPosition }
type Line = {
  name: StreamName
  open: Open | undefined
  /** The newest, where it was whole by itself. */
  last: string | undefined
  position: LogPosition
  order: number
  /** Chunks up to there are passed over. */
  done: Place | undefined
  /** The place where reading goes on must still be there. */
  mayHaveGap: boolean
  seen: ReturnType<typeof positionsSeen>
  /** Chunks from before the newest one: either the engine reads its file again, or somebody set the clock back. */
  doubtful: LogChunk[]
  doubtfulSince: number
}

/** The engine cuts long lines into pieces; here they are one again, each stream on its own. What comes a second time is passed over. */
export function joiner({ done, since, now, emit, onGap }: Options) {
  const begin = (name: StreamName): Line => ({
    name,
    open: undefined,
    last: undefined,
    position: '',
    order: 0,
    done: done[name],
    mayHaveGap: since !== undefined && done[name] !== undefined && done[name].position >= since,
    seen: positionsSeen(),
    doubtful: [],
    doubtfulSince: 0,
  })
  const stdout = begin('stdout')
  const stderr = begin('stderr')
  const otherOf = (line: Line) => (line === stdout ? stderr : stdout)

  function give(line: Line, text: string, position: LogPosition) {
    emit({ stream: line.name, text, position, place: line.position, order: line.order, openSince: otherOf(line).open?.position })
  }

  function close(line: Line) {
    const { open } = line
    if (!open) return
    line.open = undefined
    const bytes = open.parts.length === 1 ? open.parts[0]! : Buffer.concat(open.parts)
    give(line, bytes.toString('utf8', 0, bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length), open.position)
  }

  function take(line: Line, chunk: LogChunk) {
    if (isLastAgain(line, chunk)) return
    line.order = chunk.position === line.position ? line.order + 1 : 0
    line.position = chunk.position
    if (line.done && !isPast(line, line.done)) return
    line.seen.add(chunk.position)
    if (line.open || chunk.line === undefined) {
      line.last = undefined
      append(line, chunk)
    } else {
      line.last = chunk.line
      give(line, chunk.line, chunk.position)
    }
  }

  /** Whether the newest chunk is not stored yet. */
  function isPast(line: Line, { position, order }: Place): boolean {
    if (line.position < position || (line.position === position && line.order <= order)) {
      line.mayHaveGap = false
      return false
    }
    line.done = undefined
    if (line.mayHaveGap) onGap(line.position)
    line.mayHaveGap = false
    return true
  }

  function append(line: Line, { bytes, position }: LogChunk) {
    line.open ??= { parts: [], bytes: 0, position }
    line.open.parts.push(bytes)
    line.open.bytes += bytes.length
    if (bytes.at(-1) === 0x0a || line.open.bytes >= MAX_LINE_BYTES) close(line)
  }

  /** Holds it back until one is seen that came before, or enough that did not. */
  function doubt(line: Line, chunk: LogChunk) {
    if (line.doubtful.length === 0) line.doubtfulSince = now().getTime()
    line.doubtful.push(chunk)
    if (line.seen.has(chunk.position)) {
      line.done = { position: line.position, order: line.order }
      line.doubtful = []
    } else if (line.doubtful.length >= DOUBTFUL_CHUNKS) believe(line)
  }

  function believe(line: Line) {
    for (const chunk of line.doubtful.splice(0)) take(line, chunk)
  }

  return {
    add(chunks: readonly LogChunk[]) {
      for (const line of [stdout, stderr])
        if (line.doubtful.length > 0 && now().getTime() - line.doubtfulSince > DOUBTFUL_MS) believe(line)
      for (const chunk of chunks) {
        const line = chunk.stream === 'stdout' ? stdout : stderr
        if (line.doubtful.length > 0 || (!line.done && chunk.position < line.position)) doubt(line, chunk)
        else take(line, chunk)
      }
    },
    /** The log is at its end: what was not ended by a line end is a line too. */
    end() {
      for (const line of [stdout, stderr]) {
        believe(line)
        close(line)
      }
    },
  }
}

/** The same nanosecond and the same words: the engine's file begins with it. Pieces of a long line share their time, and coarse clocks end in 000. */
const isLastAgain = ({ last, position, open }: Line, chunk: LogChunk) =>
  chunk.position === position && !open && last !== undefined && chunk.line === last && !position.endsWith('000Z')
