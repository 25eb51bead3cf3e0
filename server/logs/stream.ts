import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { matches, type LogEntry, type LogLine, type LogQuery, type LogSink } from './line.ts'
import { logStore, type LogStore } from './store.ts'

const MAX_LINE_BYTES = 10_000
const MAX_BEHIND = 5_000

type Follower = { query: LogQuery; queue: LogLine[]; missed: number; wake: () => void }
type Deps = { folder: string; clock: Clock; bytesPerApp: number }

/** Everything that anything wrote: one ordered stream per app, stored before it is delivered. */
export function logStream({ folder, clock, bytesPerApp }: Deps) {
  const stores = new Map<string, LogStore>()
  const followers = new Map<string, Set<Follower>>()
  const batches = new Map<string, LogLine[]>()
  let flushing = false

  const storeOf = (appId: string) => {
    const store = stores.get(appId) ?? logStore({ folder, appId, bytes: bytesPerApp })
    stores.set(appId, store)
    return store
  }

  function flush() {
    flushing = false
    for (const [appId, lines] of batches) {
      batches.delete(appId)
      storeOf(appId).append(lines)
      for (const follower of followers.get(appId) ?? []) deliver(follower, lines)
    }
  }

  function publish(entry: LogEntry & { origin?: string }) {
    const batch = batches.get(entry.appId) ?? []
    batches.set(entry.appId, batch)
    const time = stamp(entry.at ?? clock.now(), entry.micros ?? 0)
    for (const text of pieces(visible(entry.text))) {
      const { appId, source, dyno, release, origin } = entry
      batch.push({ appId, source, dyno, text, time, release, origin, id: storeOf(appId).nextId() })
    }
    if (flushing) return
    flushing = true
    setImmediate(flush)
  }

  function read(appId: string, query: LogQuery): LogLine[] {
    flush()
    const found: LogLine[] = []
    if (query.lines === 0) return found
    for (const line of storeOf(appId).backwards()) {
      if (query.afterId !== undefined && line.id <= query.afterId) break
      if (matches(line, query) && found.push(line) >= (query.lines ?? Infinity)) break
    }
    return found.reverse()
  }

  async function* follow(appId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    const follower: Follower = { query, queue: [], missed: 0, wake: () => {} }
    const stop = () => follower.wake()
    signal.addEventListener('abort', stop, { once: true })
    const all = followers.get(appId) ?? new Set<Follower>()
    followers.set(appId, all.add(follower))
    try {
      while (!signal.aborted) {
        while (follower.queue.length > 0) yield follower.queue.shift()!
        if (follower.missed > 0) yield missedLine(appId, follower)
        else await new Promise<void>((resolve) => (follower.wake = resolve))
      }
    } finally {
      all.delete(follower)
      signal.removeEventListener('abort', stop)
    }
  }

  function missedLine(appId: string, follower: Follower): LogLine {
    const text = `Error L11 (Tail buffer overflow) -> This tail session dropped ${follower.missed} messages.`
    follower.missed = 0
    return {
      appId,
      source: 'dozen',
      dyno: 'logs',
      text,
      id: 0,
      time: stamp(clock.now(), 0),
      release: undefined,
      origin: undefined,
    }
  }

  return {
    publish: publish as LogSink['publish'] & typeof publish,
    read: async (appId: string, query: LogQuery) => read(appId, query),
    follow,
    flush,
    /** How far a container's log has been stored, over restarts too. */
    stored(appId: string, container: string) {
      flush()
      return storeOf(appId).stored(container)
    },
    forget: (appId: string, container: string) => stores.get(appId)?.forget(container),
    /** A short cut for the next start: without it the stored lines are read through. */
    save() {
      flush()
      for (const store of stores.values()) store.savePositions()
    },
    remove(appId: string) {
      batches.delete(appId)
      stores.delete(appId)
      rmSync(join(folder, appId), { recursive: true, force: true })
    },
    close() {
      flush()
      for (const store of stores.values()) store.savePositions()
    },
  }
}
export type LogStream = ReturnType<typeof logStream>

function deliver(follower: Follower, lines: readonly LogLine[]) {
  for (const line of lines) {
    if (!matches(line, follower.query)) continue
    if (follower.queue.length >= MAX_BEHIND) follower.missed++
    else follower.queue.push(line)
  }
  follower.wake()
}

const stamp = (at: Date, micros: number) => at.toISOString().replace('Z', `${String(micros).padStart(3, '0')}+00:00`)
/** Control characters that would break a record are shown; colours (ESC) stay for whoever prints them. */
const visible = (text: string) =>
  text
    .replace(/\0/g, '␀')
    .replace(/\r$/, '')
    .replace(/[\n\r]/g, '␊')

function pieces(text: string): string[] {
  if (Buffer.byteLength(text) <= MAX_LINE_BYTES) return [text]
  const bytes = Buffer.from(text)
  const out: string[] = []
  for (let at = 0; at < bytes.length;) {
    let end = Math.min(at + MAX_LINE_BYTES, bytes.length)
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end-- // not inside a character
    out.push(bytes.toString('utf8', at, end))
    at = end
  }
  return out
}
