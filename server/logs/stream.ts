import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { bounds } from './bounds.ts'
import { follower, type Follower } from './follower.ts'
import { matcher, stamp, type LogLine, type LogQuery, type LogSink, type ReadEntry } from './line.ts'
import type { Redactor } from './redaction.ts'
import { logStore, type LogStore } from './store.ts'
import { inOrder } from './order.ts'
import { isPlain, pieces, visible } from './text.ts'

const READ_TURN = 20_000
const ORDER_MS = 15
const BATCH_BYTES = 256 * 1024
const LINE_OVERHEAD = 100

type Batch = { lines: LogLine[]; bytes: number; redacted: Redactor }
const asItIs: Redactor = ({ text }) => text

type Deps = {
  folder: string
  clock: Clock
  bytesPerApp: number
  /** Of all apps together. Absent = unlimited. */
  totalBytes?: number
  /** Older lines go. Absent = never. */
  ageMs?: number
  /** What is not to be seen of an app's lines, asked for each batch. Absent = nothing is hidden. */
  redactor?: (appId: string) => Redactor
}

/**
 * Everything that anything wrote: one stream per app, by time as far as lines come within 15 ms (in a flood: within 256 KiB) of each other, stored
 * before it is delivered.
 */
export function logStream({
  folder,
  clock,
  bytesPerApp,
  totalBytes = Infinity,
  ageMs = Infinity,
  redactor = () => asItIs,
}: Deps) {
  const stores = new Map<string, LogStore>()
  const followers = new Map<string, Set<Follower>>()
  const batches = new Map<string, Batch>()
  const unstored = new Map<string, number>()
  let isFlushing = false

  const storeOf = (appId: string) => {
    const store = stores.get(appId) ?? logStore({ folder, appId, bytes: bytesPerApp })
    stores.set(appId, store)
    return store
  }

  const toldByUs = (appId: string, text: string): LogLine => {
    const time = stamp(clock.now())
    return { appId, source: 'dozen', dyno: 'logs', text, id: 0, time, release: undefined, origin: undefined }
  }

  function flush() {
    for (const appId of batches.keys()) flushApp(appId)
  }

  function flushApp(appId: string) {
    const batch = batches.get(appId)
    if (!batch) return
    batches.delete(appId)
    store(appId, inOrder(batch.lines))
  }

  /** Lines of other sources may be on their way that were written before: they have so long to come. */
  function flushSoon() {
    if (isFlushing) return
    isFlushing = true
    const now = () => {
      isFlushing = false
      flush()
    }
    clock.sleep(ORDER_MS).then(now, now)
  }

  /** A disk that takes nothing must not stop the platform: what it refused is counted, and told when it takes lines again. */
  function store(appId: string, lines: LogLine[]) {
    const lost = unstored.get(appId) ?? 0
    const text = `Error L12 (Local buffer overflow) -> ${lost} messages dropped since the disk did not take them.`
    const all = lost > 0 ? [toldByUs(appId, text), ...lines] : lines
    try {
      storeOf(appId).append(all)
    } catch {
      unstored.set(appId, lost + lines.length)
      return
    }
    unstored.delete(appId)
    for (const one of followers.get(appId) ?? []) one.deliver(all)
  }

  function publish(entry: ReadEntry) {
    const { appId, source, dyno, release, origin } = entry
    let batch = batches.get(appId)
    if (!batch) batches.set(appId, (batch = { lines: [], bytes: 0, redacted: redactor(appId) }))
    const text = batch.redacted(entry)
    const time = entry.time ?? stamp(entry.at ?? clock.now(), entry.micros)
    if (isPlain(text)) batch.lines.push({ appId, source, dyno, text, time, release, origin, id: 0 })
    else {
      const texts = pieces(visible(text))
      for (const [index, piece] of texts.entries()) {
        const place = index < texts.length - 1 ? `+${origin ?? ''}` : origin
        batch.lines.push({ appId, source, dyno, text: piece, time, release, origin: place, id: 0 })
      }
    }
    batch.bytes += text.length + LINE_OVERHEAD
    if (batch.bytes > BATCH_BYTES) flushApp(appId)
    else flushSoon()
  }

  /** The last `lines` that match, oldest first; other work goes on meanwhile. */
  async function read(appId: string, query: LogQuery & { untilId?: number }): Promise<LogLine[]> {
    flush()
    const isWanted = matcher(query)
    const found: LogLine[] = []
    const untilId = query.untilId ?? Infinity
    let seen = 0
    if (query.lines !== 0) {
      for (const line of storeOf(appId).backwards()) {
        if (query.afterId !== undefined && line.id <= query.afterId) break
        if (++seen % READ_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
        if (line.id <= untilId && isWanted(line) && found.push(line) >= (query.lines ?? Infinity)) break
      }
    }
    return found.reverse()
  }

  /** Lines as they come, several at a time, from `afterId` on (absent: from now on), until `signal` aborts. */
  async function* batchesOf(appId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine[]> {
    flush()
    const head = storeOf(appId).lastId()
    const all = followers.get(appId) ?? new Set<Follower>()
    const one = follower({
      isWanted: matcher({ ...query, afterId: undefined }),
      afterId: Math.min(query.afterId ?? head, head),
      head,
      forwards: (id) => storeOf(appId).forwards(id),
      lost: (count) => toldByUs(appId, `Error L11 (Tail buffer overflow) -> This tail session dropped ${count} messages.`),
    })
    followers.set(appId, all.add(one))
    try {
      yield* one.batches(signal)
    } finally {
      all.delete(one)
      if (all.size === 0 && followers.get(appId) === all) followers.delete(appId)
    }
  }

  async function* follow(appId: string, query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine> {
    for await (const lines of batchesOf(appId, query, signal)) yield* lines
  }

  return {
    publish: publish as LogSink['publish'] & typeof publish,
    read,
    follow,
    batches: batchesOf,
    flush,
    /** Id of the newest line. */
    head(appId: string): number {
      flush()
      return storeOf(appId).lastId()
    },
    /** Kept lines above `afterId`, oldest first; what comes meanwhile too. */
    forwards(appId: string, afterId: number): Iterable<LogLine> {
      flush()
      return storeOf(appId).forwards(afterId)
    },
    /** Where the reader of origins "<reader> <cursor>" goes on. */
    cursor(appId: string, reader: string): string | undefined {
      flush()
      return storeOf(appId).cursor(reader)
    },
    forget(appId: string, reader: string) {
      if (!stores.has(appId)) return
      flush()
      try {
        storeOf(appId).forget(reader)
      } catch {
        // A full disk: the cursor is kept a little longer.
      }
    },
    remove(appId: string) {
      batches.delete(appId)
      stores.delete(appId)
      unstored.delete(appId)
      rmSync(join(folder, appId), { recursive: true, force: true })
    },
    /** Removes what is too old or too much; to be called from time to time. */
    tidy: bounds({ folder, clock, storeOf, ageMs, totalBytes }),
    /** Nothing is kept in memory that a kill could lose but the batch of this turn. */
    save: flush,
    close: flush,
  }
}
export type LogStream = ReturnType<typeof logStream>
