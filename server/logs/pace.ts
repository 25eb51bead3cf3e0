import type { Clock } from '../clock.ts'
import type { LogChunk, LogPosition } from '../engine/port.ts'

/** More than a third of a file of the engine's log (server/engine/docker-containers.ts): a flood, or the wake of a long outage. */
const MUCH_BYTES = 24 * 1024 ** 2
const HOLE_BYTES = 6 * 1024 ** 2
const YOUNG_BYTES = 12 * 1024 ** 2
const LITTLE_BYTES = 512 * 1024
/** After so much the reader may have come to the end of a file. */
const FILE_BYTES = 48 * 1024 ** 2
/** What the engine's file holds besides the text of a line. */
const ENTRY_BYTES = 75
const MEASURE_MS = 20
const LOOK_MS = 20
const DRAINED_MS = 100
const LONGEST_HOLD_MS = 10_000
/** Twice as much after each new beginning that gave nothing: the engine may have much to look through before it says something. */
const SILENCE_MS = 2_000
const LONGEST_SILENCE_MS = 60_000
const ANSWER_MS = 10_000
/** After so much a silence is looked into. */
const TALK_BYTES = 64 * 1024
const LATELY_MS = 10_000
const KEPT_RESTS = 50

type Deps = {
  clock: Clock
  signal: AbortSignal
  /** Stops the container, as a full pipe would, and lets it go on. */
  pause: () => Promise<void>
  unpause: () => Promise<void>
  /** Where the engine's log ends now. */
  newest: () => Promise<LogPosition | undefined>
}

/**
 * Watches how a container's log is read. The engine throws away what is not read in time, and a reader that falls behind by a whole file is told
 * nothing, or nothing more at all (moby 20.10, followLogs). So a process that prints faster than can be read is held until its lines are here,
 * and where the engine may have passed over a file, or gives no more though there is more, the reading is begun anew, from what is stored.
 */
export function pace({ clock, signal, pause, unpause, newest }: Deps) {
  let isHeld = false
  let holding = Promise.resolve()
  let releasedMs = -Infinity
  /** When the container printed nothing, since it was held. */
  let rests: Span[] = []
  let bytesPerMs = 0
  let reading = begun(() => {})
  let readings = 0
  let fruitless = 0

  function begun(restart: () => void) {
    return {
      restart, bytes: 0, newest: '', newestMs: 0, newsMs: nowMs(), mark: { bytes: 0, atMs: 0 }, isOfHeld: isHeld,
      isWatched: false, checkedBytes: 0,
    } // prettier-ignore
  }

  function nowMs() {
    return clock.now().getTime()
  }
  const nap = (ms: number) => clock.sleep(ms, signal).catch(() => {})

  /** How long it could print between the two. */
  const printing = (fromMs: number, toMs: number) =>
    rests.reduce((ms, rest) => ms - overlap(rest, { fromMs, toMs }), Math.max(0, toMs - fromMs))
  /** About how much was printed that did not come yet. */
  const backlog = () => bytesPerMs * printing(reading.newestMs, nowMs())
  const isDrained = (end: LogPosition | undefined) =>
    end !== undefined
      ? reading.newest >= end
      : reading.bytes > 0 && (backlog() <= LITTLE_BYTES || nowMs() - reading.newsMs >= DRAINED_MS)
  const end = () => Promise.race([newest().catch(() => undefined), nap(ANSWER_MS).then(() => undefined)])

  /** From before it is paused until it goes on again, so that no two holds meet. */
  async function hold() {
    isHeld = true
    const sinceMs = nowMs()
    const rest = { fromMs: Infinity, toMs: Infinity }
    rests = [...rests, rest].slice(-KEPT_RESTS)
    try {
      await pause()
      rest.fromMs = nowMs()
      // The engine may have changed files between opening them and following the last: now none is changed.
      if (reading.bytes < YOUNG_BYTES && !reading.isOfHeld) reading.restart()
      const last = await end()
      while (!signal.aborted && !isDrained(last) && nowMs() - sinceMs < LONGEST_HOLD_MS) await nap(LOOK_MS)
    } finally {
      rest.toMs = nowMs()
      await unpause() // also when the engine did not say that it is paused
      releasedMs = nowMs()
      isHeld = false
    }
  }

  /** An engine that follows a log may stop to, and say nothing (moby 20.10, where it changes files): after each silence its log's end is asked for. */
  async function watchSilence(one: typeof reading) {
    one.isWatched = true
    const isOver = () => signal.aborted || one !== reading
    for (let last: LogPosition | undefined; last === undefined;) {
      for (let before = -1; before !== one.bytes && !isOver();) {
        before = one.bytes
        await nap(Math.min(SILENCE_MS * 2 ** fruitless, LONGEST_SILENCE_MS))
      }
      const before = (one.checkedBytes = one.bytes)
      if (!isOver()) last = await end()
      if (isOver()) return
      if (last === undefined || last <= one.newest || one.bytes !== before) continue
      fruitless++
      one.restart()
    }
    one.isWatched = false
  }

  function measure({ bytes, newestMs, mark }: typeof reading) {
    const ms = newestMs - mark.atMs
    if (ms >= 0 && ms < MEASURE_MS) return
    if (ms > 0 && mark.atMs > 0) bytesPerMs = (bytes - mark.bytes) / ms // where the engine begins a file again, it stays
    reading.mark = { bytes, atMs: newestMs }
  }

  /** Whether time was left out in which much may have been printed. */
  function hasHole(chunks: readonly LogChunk[]): boolean {
    const isLong = (fromMs: number, toMs: number) => bytesPerMs * printing(fromMs, toMs) > HOLE_BYTES
    const last = msOf(chunks.at(-1)!)
    if (reading.newestMs === 0 || !isLong(reading.newestMs, last)) return false
    let before = reading.newestMs
    for (const chunk of chunks) {
      const ms = msOf(chunk)
      if (isLong(before, ms)) return true
      before = ms
    }
    return false
  }

  return {
    /** A new reading; `restart` ends it, and the next goes on from what is stored. */
    begin(restart: () => void) {
      reading = begun(restart)
      if (readings++ > 0) void watchSilence(reading)
    },
    /** To be told of all that is read. False = it was restarted, and these are not to be used. */
    read(chunks: readonly LogChunk[]): boolean {
      if (chunks.length === 0) return true
      if (reading.bytes > FILE_BYTES && hasHole(chunks)) {
        reading.restart()
        return false
      }
      for (const chunk of chunks) reading.bytes += (chunk.line?.length ?? chunk.bytes.length) + ENTRY_BYTES
      fruitless = 0
      reading.newsMs = nowMs()
      reading.newest = chunks.at(-1)!.position
      reading.newestMs = msOf(chunks.at(-1)!)
      measure(reading)
      if (!reading.isWatched && reading.bytes - reading.checkedBytes > TALK_BYTES) void watchSilence(reading)
      if (!isHeld && backlog() > MUCH_BYTES) holding = hold().catch(() => {})
      return true
    },
    /** Now, or so lately that somebody may still have seen it so. */
    wasHeld: () => isHeld || nowMs() - releasedMs < LATELY_MS,
    /** Resolves when the container is not held. */
    released: () => holding,
  }
}
export type Pace = ReturnType<typeof pace>

type Span = { fromMs: number; toMs: number }
const overlap = (one: Span, other: Span) => Math.max(0, Math.min(one.toMs, other.toMs) - Math.max(one.fromMs, other.fromMs))
const msOf = ({ position }: LogChunk) => Date.parse(position) || 0
