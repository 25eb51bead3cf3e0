import type { LogLine } from './line.ts'

const QUEUE_BYTES = 2 * 1024 * 1024
const BATCH_LINES = 2_000
const TURN_LINES = 20_000

type Deps = {
  isWanted: (line: LogLine) => boolean
  /** Begins after this id. */
  afterId: number
  /** The newest id when it begins. */
  head: number
  forwards: (afterId: number) => Iterable<LogLine>
  /** The line that says how many were lost. */
  lost: (count: number) => LogLine
}

/**
 * One reader of the living stream. Lines come from memory while it keeps pace; when it falls behind by 2 MiB, its lines come from
 * the store, so a slow reader costs no memory and loses only what the store itself let go, and is told how much that was.
 */
export function follower({ isWanted, afterId, head, forwards, lost }: Deps) {
  let queue: LogLine[] = []
  let queued = 0
  let scanned = afterId // every line up to here was delivered or unwanted
  let isBehind = afterId < head
  let wake = () => {}

  async function* catchUp(): AsyncGenerator<LogLine[]> {
    let batch: LogLine[] = []
    let seen = 0
    for (const line of forwards(scanned)) {
      if (line.id > scanned + 1) batch.push(lost(line.id - scanned - 1))
      scanned = line.id
      if (isWanted(line)) batch.push(line)
      if (++seen % TURN_LINES === 0) await new Promise((resolve) => setImmediate(resolve))
      if (batch.length < BATCH_LINES) continue
      yield batch
      batch = []
    }
    isBehind = false // nothing was appended since the store's last line was read: from here on memory has everything
    if (batch.length > 0) yield batch
  }

  return {
    deliver(lines: readonly LogLine[]) {
      for (const line of lines) {
        if (isBehind) break
        if (line.id <= scanned) continue
        if (queued >= QUEUE_BYTES) {
          isBehind = true
          break
        }
        scanned = line.id
        if (!isWanted(line)) continue
        queue.push(line)
        queued += line.text.length + 100
      }
      wake()
    },
    async *batches(signal: AbortSignal): AsyncGenerator<LogLine[]> {
      const stop = () => wake()
      signal.addEventListener('abort', stop, { once: true })
      try {
        while (!signal.aborted) {
          if (queue.length > 0) {
            const batch = queue
            queue = []
            queued = 0
            yield batch
          } else if (isBehind) yield* catchUp()
          else await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
  }
}
export type Follower = ReturnType<typeof follower>
