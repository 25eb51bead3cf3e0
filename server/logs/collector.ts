import type { Clock } from '../clock.ts'
import type { Container, Engine, LogChunk } from '../engine/port.ts'
import type { LogStream } from './stream.ts'

const FINISH_MS = 5_000
const RETRY_MS = 500
const MAX_PARTIAL_BYTES = 1024 * 1024

type About = { appId: string; dyno: string; release: number }
type Deps = { engine: Pick<Engine, 'logs'>; stream: Pick<LogStream, 'publish' | 'stored' | 'forget'>; clock: Clock }

/** Follows the engine's log of every container, from where it was stored last to its end. */
export function collector({ engine, stream, clock }: Deps) {
  const watched = new Map<string, { appId: string; done: Promise<void>; stop: AbortController }>()

  async function follow(container: Container, about: About, signal: AbortSignal) {
    const from = stream.stored(about.appId, container.id)
    const lines = lineJoiner((text, position) => publish(container.id, about, text, position))
    let skip = from?.count ?? 0
    const options = { follow: true, signal, ...(from && { since: from.position }) }
    for await (const chunk of engine.logs(container.id, options)) {
      if (from && skip > 0 && chunk.position === from.position) skip--
      else lines.add(chunk)
    }
    lines.end()
  }

  function publish(id: string, about: About, text: string, position: string) {
    const at = new Date(position)
    const micros = Number(/\.\d{3}(\d{3})/.exec(position)?.[1] ?? 0)
    stream.publish({ ...about, source: 'app', text, at, micros, origin: `${id} ${position}` })
  }

  return {
    /** Idempotent. */
    watch(container: Container, about: About) {
      if (watched.has(container.id)) return
      const stop = new AbortController()
      const run = async () => {
        while (!stop.signal.aborted) {
          try {
            return await follow(container, about, stop.signal)
          } catch (cause) {
            if (
              (cause as { code?: string }).code === 'no_such_image' ||
              (cause as { code?: string }).code === 'no_such_container'
            )
              return
            await clock.sleep(RETRY_MS, stop.signal).catch(() => {}) // the engine went away: go on from what is stored
          }
        }
      }
      watched.set(container.id, { appId: about.appId, done: run(), stop })
    },
    /** Resolves when an exited container's log is stored whole; waits 5 s at most. */
    async finished(id: string): Promise<void> {
      const found = watched.get(id)
      if (!found) return
      const late = new AbortController()
      await Promise.race([found.done, clock.sleep(FINISH_MS, late.signal).catch(() => {})])
      late.abort()
    },
    /** The container is gone. */
    forget(id: string) {
      const found = watched.get(id)
      if (!found) return
      found.stop.abort()
      watched.delete(id)
      stream.forget(found.appId, id)
    },
    close() {
      for (const { stop } of watched.values()) stop.abort()
    },
  }
}

/** The engine cuts long lines into pieces; here they are one again, each stream on its own. */
function lineJoiner(emit: (text: string, position: string) => void) {
  const open = new Map<LogChunk['stream'], { parts: Buffer[]; bytes: number; position: string }>()
  const close = (stream: LogChunk['stream']) => {
    const line = open.get(stream)
    open.delete(stream)
    if (line) emit(Buffer.concat(line.parts).toString('utf8').replace(/\n$/, ''), line.position)
  }
  return {
    add({ stream, bytes, position }: LogChunk) {
      const line = open.get(stream) ?? { parts: [], bytes: 0, position }
      line.parts.push(bytes)
      line.bytes += bytes.length
      open.set(stream, line)
      if (bytes.at(-1) === 0x0a || line.bytes > MAX_PARTIAL_BYTES) close(stream)
    },
    end: () => (['stdout', 'stderr'] as const).forEach(close),
  }
}
