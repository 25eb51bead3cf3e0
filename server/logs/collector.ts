import type { Clock } from '../clock.ts'
import { EngineError, type Container, type Engine, type LogPosition } from '../engine/port.ts'
import { joiner, type JoinedLine, type Place, type StreamName } from './joiner.ts'
import { stamp } from './line.ts'
import type { LogStream } from './stream.ts'

const STALLED_MS = 5_000
const FINISH_MS = 60_000
const RETRY_MS = 500
/** Two streams reach the engine's log by two writers: an entry may stand after one that is a little younger. */
const DISORDER_MS = 2_000
const READER_ID_LENGTH = 12

type About = { appId: string; dyno: string; release: number }
type Deps = {
  engine: Pick<Engine, 'logs' | 'find'>
  stream: Pick<LogStream, 'publish' | 'cursor' | 'forget' | 'flush'>
  clock: Clock
}
type Watched = { about: About; done: Promise<void>; stop: AbortController; seen: number }

/**
 * Follows the engine's log of every container from where its stored lines end to its own end. How far it was read is part of each
 * stored line (store.ts), so a kill between any two instructions neither loses nor doubles one.
 */
export function collector({ engine, stream, clock }: Deps) {
  const watched = new Map<string, Watched>()

  /** One reading of the log, until the engine ends it. */
  async function readOn(id: string, one: Watched, isFinal: boolean) {
    const { done, since } = resumePoint(stream, id, one.about.appId)
    const lines = joiner(done, (line) => publish(id, one.about, line))
    const options = { follow: !isFinal, signal: one.stop.signal, ...(since && { since }) }
    for await (const chunk of engine.logs(id, options)) {
      if (one.stop.signal.aborted) return
      one.seen++
      lines.add(chunk)
    }
    if (isFinal && !one.stop.signal.aborted) lines.end()
  }

  function publish(id: string, about: About, { stream: name, text, position, place, openSince }: JoinedLine) {
    const origin = `${readerOf(id, name)} ${place.position} ${place.order}${openSince ? ` ${openSince}` : ''}`
    stream.publish({ ...about, source: 'app', text, time: timeOf(position), origin })
  }

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

  const pause = (ms: number, signal: AbortSignal) => clock.sleep(ms, signal).catch(() => {})

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
      const one: Watched = { about, done: Promise.resolve(), stop: new AbortController(), seen: 0 }
      watched.set(id, one)
      one.done = follow(id, one).then(() => stream.flush())
    },
    /** Resolves when an exited container's log is stored whole, or says in the stream that it could not be. Bounded by a minute. */
    async finished(id: string): Promise<void> {
      const one = watched.get(id)
      if (!one || (await isDone(one)) || one.stop.signal.aborted) return
      const text = 'Error L12 (Local buffer overflow) -> The last messages of this process could not be read from the engine.'
      stream.publish({ ...one.about, source: 'dozen', text })
      stream.flush()
    },
    /** The container was removed. */
    forget(id: string) {
      const one = watched.get(id)
      if (!one) return
      one.stop.abort()
      watched.delete(id)
      for (const name of NAMES) stream.forget(one.about.appId, readerOf(id, name))
    },
    close() {
      for (const { stop } of watched.values()) stop.abort()
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

const NANOSECONDS = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})\d{3}Z$/

function earlier(position: LogPosition, ms: number): LogPosition {
  const at = Date.parse(position)
  return Number.isNaN(at) ? position : new Date(at - ms).toISOString().replace('Z', '000000Z')
}

function timeOf(position: LogPosition): string {
  const micros = NANOSECONDS.exec(position)?.[1]
  return micros ? `${micros}+00:00` : stamp(new Date(position))
}
