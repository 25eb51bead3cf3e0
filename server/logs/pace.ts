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
const SILENCE_MS = 2_000
/** After so much a silence is looked into. */
const TALK_BYTES = 64 * 1024
const LATELY_MS = 10_000

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
  let heldSince: number | undefined
  let holding = Promise.resolve()
  let releasedMs = -Infinity
  let bytesPerMs = 0
  let reading = begun(() => {})
  let readings = 0

  function begun(restart: () => void) {
    return {
      restart, bytes: 0, newest: '', newestMs: 0, newsMs: nowMs(), mark: { bytes: 0, atMs: 0 }, isHeld: heldSince !== undefined,
      isWatched: false, checkedBytes: 0,
    } // prettier-ignore
  }

  function nowMs() {
    return clock.now().getTime()
  }
  const nap = (ms: number) => clock.sleep(ms, signal).catch(() => {})

  /** About how much was printed that did not come yet. */
  const backlog = () => bytesPerMs * Math.max(0, (heldSince ?? nowMs()) - reading.newestMs)
  const isDrained = (end: LogPosition | undefined) =>
    end !== undefined
      ? reading.newest >= end
      : reading.bytes > 0 && (backlog() <= LITTLE_BYTES || nowMs() - reading.newsMs >= DRAINED_MS)

  async function hold() {
    heldSince = nowMs()
    await pause()
    // The engine may have changed files between opening them and following the last: now none is changed.
    if (reading.bytes < YOUNG_BYTES && !reading.isHeld) reading.restart()
    const end = await Promise.race([newest().catch(() => undefined), nap(LONGEST_HOLD_MS).then(() => undefined)])
    while (!signal.aborted && !isDrained(end) && nowMs() - heldSince < LONGEST_HOLD_MS) await nap(LOOK_MS)
    heldSince = undefined
    releasedMs = nowMs()
    reading.newestMs = nowMs() // nothing was printed meanwhile: that is no hole
    await unpause()
    releasedMs = nowMs()
  }

  /** An engine that follows a log may stop to, and say nothing (moby 20.10, where it changes files): after each silence its log's end is asked for. */
  async function watchSilence(one: typeof reading) {
    one.isWatched = true
    for (let before = -1; before !== one.bytes;) {
      before = one.bytes
      await nap(SILENCE_MS)
      if (signal.aborted || one !== reading) return
    }
    const before = (one.checkedBytes = one.bytes)
    one.isWatched = false
    const end = await newest().catch(() => undefined)
    if (end !== undefined && end > one.newest && one === reading && one.bytes === before) one.restart()
  }

  function measure({ bytes, newestMs, mark }: typeof reading) {
    const ms = newestMs - mark.atMs
    if (ms >= 0 && ms < MEASURE_MS) return
    if (ms > 0 && mark.atMs > 0) bytesPerMs = (bytes - mark.bytes) / ms // where the engine begins a file again, it stays
    reading.mark = { bytes, atMs: newestMs }
  }

  /** Whether time was left out in which much may have been printed. */
  function hasHole(chunks: readonly LogChunk[]): boolean {
    const isLong = (from: number, to: number) => bytesPerMs * (to - from) > HOLE_BYTES
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
      reading.newsMs = nowMs()
      reading.newest = chunks.at(-1)!.position
      reading.newestMs = msOf(chunks.at(-1)!)
      measure(reading)
      if (!reading.isWatched && reading.bytes - reading.checkedBytes > TALK_BYTES) void watchSilence(reading)
      if (heldSince === undefined && backlog() > MUCH_BYTES) holding = hold().catch(() => void (heldSince = undefined))
      return true
    },
    /** Now, or so lately that somebody may still have seen it so. */
    wasHeld: () => heldSince !== undefined || nowMs() - releasedMs < LATELY_MS,
    /** Resolves when the container is not held. */
    released: () => holding,
  }
}
export type Pace = ReturnType<typeof pace>

const msOf = ({ position }: LogChunk) => Date.parse(position) || 0
