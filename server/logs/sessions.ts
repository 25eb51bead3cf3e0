import type { Clock } from '../clock.ts'
import { notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import { format, type LogLine, type LogQuery } from './line.ts'
import type { LogStream } from './stream.ts'

const UNUSED_MS = 5 * 60_000
const SILENCE_MS = 25_000
export const DEFAULT_LINES = 100

export type LogSessionOptions = LogQuery & { tail?: boolean }
type Session = { appId: string; options: LogSessionOptions; expires: number }
type Deps = { stream: LogStream; clock: Clock; ids: Ids }
type Reader = { lastEventId?: number | undefined; signal: AbortSignal; write: (text: string) => Promise<void> | void }

/** Short-lived, unguessable URLs to a stream: whoever has one may read, without a token (PLATFORM-API.md §8). */
export function logSessions({ stream, clock, ids }: Deps) {
  const sessions = new Map<string, Session>()
  const expire = () => {
    const now = clock.now().getTime()
    for (const [secret, session] of sessions) if (session.expires < now) sessions.delete(secret)
  }
  const event = (line: LogLine) => `${line.id ? `id: ${line.id}\n` : ''}data: ${format(line)}\n\n`

  async function tail({ appId, options }: Session, from: number | undefined, { signal, write }: Reader) {
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    const live = stream.follow(appId, { ...options, lines: undefined }, both)
    let next = live.next() // listening from before the history is read: no gap, and ids tell doubles
    let last = from ?? 0
    for (const line of await stream.read(appId, query(options, from))) {
      await write(event(line))
      last = Math.max(last, line.id)
    }
    while (!both.aborted) {
      const quiet = new AbortController()
      const silence = clock.sleep(SILENCE_MS, quiet.signal).then(() => undefined, () => undefined) // prettier-ignore
      const result = await Promise.race([next, silence])
      quiet.abort()
      if (!result) await write(':\n\n')
      else if (result.done) return
      else {
        if (result.value.id === 0 || result.value.id > last) await write(event(result.value))
        next = live.next()
      }
    }
    ended.abort()
  }

  return {
    create(appId: string, options: LogSessionOptions): { id: string; secret: string } {
      expire()
      const secret = ids.secret()
      sessions.set(secret, { appId, options, expires: clock.now().getTime() + UNUSED_MS })
      return { id: ids.uuid(), secret }
    },
    has: (secret: string) => sessions.has(secret),
    /** Writes the session as server-sent events until its end, or until `signal` aborts. Throws not_found. */
    async serve(secret: string, reader: Reader): Promise<void> {
      expire()
      const session = sessions.get(secret)
      if (!session) throw notFound('log session')
      session.expires = clock.now().getTime() + 24 * 3_600_000 // a tail may be resumed with Last-Event-ID
      await reader.write(session.options.tail ? 'retry: 1000\n\n' : 'retry: 1\n\n')
      if (session.options.tail) return tail(session, reader.lastEventId, reader)
      for (const line of await stream.read(session.appId, query(session.options, reader.lastEventId)))
        await reader.write(event(line))
    },
  }
}

const query = ({ tail: _, ...options }: LogSessionOptions, afterId: number | undefined): LogQuery =>
  afterId === undefined ? { ...options, lines: options.lines ?? DEFAULT_LINES } : { ...options, lines: undefined, afterId }
