import type { Clock } from '../clock.ts'
import { EngineError, type Container, type Engine, type LogPosition } from '../engine/port.ts'
import { joiner, type JoinedLine, type Place, type StreamName } from './joiner.ts'
import { stamp } from './line.ts'
import { pace, type Pace } from './pace.ts'
import type { LogStream } from './stream.ts'

const STALLED_MS = 5_000
const FINISH_MS = 60_000
const RETRY_MS = 500
/** A minute of trying. */
const UNPAUSE_TRIES = 120
/** When we end; the next life lets it go. */
const LAST_TRIES = 4
/** Two streams reach the engine's log by two writers: an entry may stand after one that is a little younger. */
const DISORDER_MS = 2_000
const READER_ID_LENGTH = 12
const OVERFLOW = 'Error L12 (Local buffer overflow)'
const GAP = 'Messages before this one were dropped: the engine had rotated its log away before it could be read.'

type About = { appId: string; dyno: string; release: number }
type Deps = {
  engine: Pick<Engine, 'logs' | 'find' | 'pause' | 'unpause'>
  stream: Pick<LogStream, 'publish' | 'cursor' | 'forget' | 'flush'>
  clock: Clock
}
type Watched = { about: About; done: Promise<void>; stop: AbortController; seen: number; pace: Pace }

/**
 * Follows the engine's log of every container from where its stored lines end to its own end. How far it was read is part of each
 * stored line (store.ts), so a kill between any two instructions neither loses nor doubles one.
 */
export function collector({ engine, stream, clock }: Deps) {
  const watched = new Map<string, Watched>()

  /** One reading of the log, until the engine ends it. */
  async function readOn(id: string, one: Watched, isFinal: boolean) {
    const { done, since } = resumePoint(stream, id, one.about.appId)
    const emit = publisher(id, one.about)
    const lines = joiner({ done, since, now: clock.now, emit, onGap: (position) => tell(one.about, GAP, timeOf(position)) })
    const ended = new AbortController()
    const signal = AbortSignal.any([one.stop.signal, ended.signal])
    if (!isFinal) one.pace.begin(() => ended.abort())
    try {
      for await (const chunks of engine.logs(id, { follow: !isFinal, signal, ...(since && { since }) })) {
        if (signal.aborted) return
        one.seen++
        if (!isFinal && !one.pace.read(chunks)) return
        lines.add(chunks)
      }
    } finally {
      ended.abort()
    }
    if (isFinal && !one.stop.signal.aborted) lines.end()
  }

  function publisher(id: string, { appId, dyno, release }: About) {
    const readers = { stdout: readerOf(id, 'stdout'), stderr: readerOf(id, 'stderr') }
    return ({ stream: name, text, position, place, order, openSince }: JoinedLine) => {
      const origin = `${readers[name]} ${place} ${order}${openSince ? ` ${openSince}` : ''}`
      stream.publish({ appId, source: 'app', dyno, text, release, time: timeOf(position), origin })
    }
  }

  const tell = (about: About, text: string, time?: string) =>
    stream.publish({ ...about, source: 'dozen', text: `${OVERFLOW} -> ${text}`, ...(time && { time }) })

  /** An engine that stops ends its streams too: the log is whole only when read to its end after the container's. */
  async function follow(id: string, one: Watched) {
    const { signal } = one.stop
    while (!signal.aborted) {
      try {
        const container = await engine.find(id)
        if (!container) return
        const hasEnded = container.state === 'exited'
        await readOn(id, one, hasEnded)
        if (hasEnded) return
        if (container.state === 'created') await pause(RETRY_MS, signal)
      } catch (cause) {
        if (cause instanceof EngineError && cause.code === 'no_such_container') return
        await pause(RETRY_MS, signal)
      }
    }
  }

  const pause = (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal).catch(() => {})

  /** Until it runs, or is gone: what an engine under load refuses once is asked for again. */
  async function unpause(id: string, signal: AbortSignal) {
    for (let tries = 0; tries < (signal.aborted ? LAST_TRIES : UNPAUSE_TRIES); tries++) {
      if (tries > 0) await pause(RETRY_MS)
      const isDone = await engine.unpause(id).then(() => engine.find(id)).then((found) => found?.state !== 'paused', () => false) // prettier-ignore
      if (isDone) return
    }
  }

  async function newest(id: string): Promise<LogPosition | undefined> {
    let found: LogPosition | undefined
    for await (const chunks of engine.logs(id, { follow: false, tail: 1 })) found = chunks.at(-1)?.position ?? found
    return found
  }

  /** False when nothing came for 5 s, or not the end within a minute. */
  async function isDone(one: Watched): Promise<boolean> {
    const finished = one.done.then(() => true)
    for (let waited = 0; waited < FINISH_MS; waited += STALLED_MS) {
      const before = one.seen
      const late = new AbortController()
      const isEnd = await Promise.race([finished, pause(STALLED_MS, late.signal).then(() => false)])
      late.abort()
      if (isEnd) return true
      if (one.seen === before) return false
    }
    return false
  }

  return {
    /** Idempotent. */
    watch({ id }: Pick<Container, 'id'>, about: About) {
      if (watched.has(id)) return
      const stop = new AbortController()
      const paced = pace({
        clock,
        signal: stop.signal,
        pause: () => engine.pause(id),
        unpause: () => unpause(id, stop.signal),
        newest: () => newest(id),
      })
      const one: Watched = { about, done: Promise.resolve(), stop, seen: 0, pace: paced }
      watched.set(id, one)
      one.done = follow(id, one).then(() => stream.flush())
    },
    /** Resolves when an exited container's log is stored whole, or says in the stream that it could not be. Bounded by a minute. */
    async finished(id: string): Promise<void> {
      const one = watched.get(id)
      if (!one || (await isDone(one)) || one.stop.signal.aborted) return
      tell(one.about, 'The last messages of this process could not be read from the engine.')
      stream.flush()
    },
    /** Whether we paused it, until its lines are here: nobody else did. */
    wasHeld: (id: string): boolean => watched.get(id)?.pace.wasHeld() ?? false,
    /** The container was removed. */
    forget(id: string) {
      const one = watched.get(id)
      if (!one) return
      one.stop.abort()
      watched.delete(id)
      for (const name of NAMES) stream.forget(one.about.appId, readerOf(id, name))
    },
    /** Resolves when no container is held any more. */
    async close(): Promise<void> {
      for (const { stop } of watched.values()) stop.abort()
      await Promise.all([...watched.values()].map((one) => one.pace.released()))
    },
  }
}

const NAMES: readonly StreamName[] = ['stdout', 'stderr']
const readerOf = (id: string, name: StreamName) => `${id.slice(0, READER_ID_LENGTH)}/${name}`

/** Per stream, what is stored already; and from which position on the log has to be read again. */
function resumePoint(stream: Deps['stream'], id: string, appId: string) {
  const done: Partial<Record<StreamName, Place>> = {}
  let newest: { position: LogPosition; openSince: LogPosition | undefined } | undefined
  for (const name of NAMES) {
    const [position, order, openSince] = stream.cursor(appId, readerOf(id, name))?.split(' ') ?? []
    if (position === undefined) continue
    done[name] = { position, order: Number(order) }
    if (!newest || position > newest.position) newest = { position, openSince }
  }
  if (!newest) return { done, since: undefined }
  const oldest = newest.openSince && newest.openSince < newest.position ? newest.openSince : newest.position
  return { done, since: earlier(oldest, DISORDER_MS) }
}

const NANOSECONDS_LENGTH = '2026-01-01T00:00:00.000000001Z'.length
const MICROSECONDS_LENGTH = NANOSECONDS_LENGTH - 'nnnZ'.length

function earlier(position: LogPosition, ms: number): LogPosition {
  const at = Date.parse(position)
  return Number.isNaN(at) ? position : new Date(at - ms).toISOString().replace('Z', '000000Z')
}

const timeOf = (position: LogPosition): string =>
  position.length === NANOSECONDS_LENGTH ? `${position.slice(0, MICROSECONDS_LENGTH)}+00:00` : stamp(new Date(position))
