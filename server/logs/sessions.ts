import type { Clock } from '../clock.ts'
import { notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import { format, type LogLine, type LogQuery } from './line.ts'
import type { LogStream } from './stream.ts'

const UNUSED_MS = 5 * 60_000
const TAIL_MS = 24 * 3_600_000
const SILENCE_MS = 25_000
const MAX_SESSIONS = 10_000
export const DEFAULT_LINES = 100

export type LogSessionOptions = LogQuery & { tail?: boolean; json?: boolean }
type Session = { appId: string; options: LogSessionOptions; expires: number }
type Deps = { stream: LogStream; clock: Clock; ids: Ids }
type Reader = { lastEventId?: number | undefined; signal: AbortSignal; write: (text: string) => Promise<void> | void }

/** Short-lived, unguessable URLs to a stream: whoever has one may read, without a token (PLATFORM-API.md §8). */
export function logSessions({ stream, clock, ids }: Deps) {
  const sessions = new Map<string, Session>()
  const expire = () => {
    const now = clock.now().getTime()
    for (const [secret, session] of sessions) if (session.expires < now) sessions.delete(secret)
    for (const secret of sessions.keys()) if (sessions.size >= MAX_SESSIONS) sessions.delete(secret)
  }

  async function tail({ appId, options }: Session, from: number | undefined, { signal, write }: Reader) {
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    const head = stream.head(appId)
    if (from === undefined) await writeAll(await stream.read(appId, { ...history(options), untilId: head }), options, write)
    const live = stream.batches(appId, { ...options, afterId: from ?? head }, both)
    try {
      for (let next = live.next(); !both.aborted;) {
        const result = await orSilence(next)
        if (!result) await write(':\n\n')
        else if (result.done) return
        else {
          await writeAll(result.value, options, write)
          next = live.next()
        }
      }
    } finally {
      ended.abort()
    }
  }

  async function orSilence<T>(next: Promise<T>): Promise<T | undefined> {
    const quiet = new AbortController()
    const silence = clock.sleep(SILENCE_MS, quiet.signal).then(() => undefined, () => undefined) // prettier-ignore
    try {
      return await Promise.race([next, silence])
    } finally {
      quiet.abort()
    }
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
      const { appId, options } = session
      if (options.tail) session.expires = clock.now().getTime() + TAIL_MS // it may be resumed with Last-Event-ID
      await reader.write(options.tail ? 'retry: 1000\n\n' : 'retry: 1\n\n')
      if (options.tail) return tail(session, reader.lastEventId, reader)
      const query = { ...history(options), afterId: reader.lastEventId }
      await writeAll(await stream.read(appId, query), options, reader.write)
    },
  }
}

const history = ({ lines = DEFAULT_LINES, ...options }: LogSessionOptions): LogQuery => ({ ...options, lines })

const EVENTS_AT_ONCE = 500

async function writeAll(lines: readonly LogLine[], { json }: LogSessionOptions, write: Reader['write']) {
  const data = json ? toJson : format
  const event = (line: LogLine) => `${line.id ? `id: ${line.id}\n` : ''}data: ${data(line)}\n\n`
  for (let at = 0; at < lines.length; at += EVENTS_AT_ONCE)
    await write(
      lines
        .slice(at, at + EVENTS_AT_ONCE)
        .map(event)
        .join(''),
    )
}

const toJson = ({ id, time, source, dyno, release, text }: LogLine) =>
  JSON.stringify({ id, time, source, dyno, release: release ?? null, text })
