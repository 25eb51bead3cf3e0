import type { Clock } from '../clock.ts'
import { AppError, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Vault } from '../secrets/vault.ts'
import { format, type LogLine, type LogQuery } from './line.ts'
import type { LogStream } from './stream.ts'
import { fieldsOf, levelOf } from './structured.ts'

const UNUSED_MS = 5 * 60_000
const TAIL_MS = 24 * 3_600_000
const SILENCE_MS = 25_000
const EVENTS_AT_ONCE = 2_000
const PLACE = 'log session'
export const DEFAULT_LINES = 100

export type LogSessionOptions = LogQuery & { tail?: boolean; json?: boolean }
type Session = { appId: string; options: LogSessionOptions; madeAt: number }
/** How lines are sent: server-sent events, or a line of text each. */
export type LogForm = 'events' | 'text'
type Reader = {
  form: LogForm
  lastEventId?: number | undefined
  signal: AbortSignal
  write: (text: string) => Promise<void> | void
}
type Deps = { stream: LogStream; clock: Clock; ids: Ids; vault: Vault; isKnown: (appId: string) => boolean; maxPerApp?: number }

/**
 * Short-lived URLs to a stream: whoever has one may read, without a token (PLATFORM-API.md §8). The URL itself holds what may be read
 * until when, sealed with the installation's key, so that one outlives a restart of the controller and none can be made up.
 */
export function logSessions({ stream, clock, ids, vault, isKnown, maxPerApp = Infinity }: Deps) {
  const readers = new Map<string, number>()
  async function tail({ appId, options }: Session, reader: Reader) {
    const { signal, lastEventId: from } = reader
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    const head = stream.head(appId)
    if (from === undefined) await writeAll(await stream.read(appId, { ...history(options), untilId: head }), options, reader)
    const live = stream.batches(appId, { ...options, afterId: from ?? head }, both)
    try {
      for (let next = live.next(); !both.aborted;) {
        const result = await orSilence(next)
        if (!result) await reader.write(reader.form === 'events' ? ':\n\n' : '')
        else if (result.done) return
        else {
          await writeAll(result.value, options, reader)
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

  /** A tail may be taken up again for a day by whoever has had a line of it; to begin, there are five minutes. */
  function open(secret: string, isResumed: boolean): Session {
    const session = unsealed(vault, secret)
    const age = session ? clock.now().getTime() - session.madeAt : Infinity
    if (!session || !isKnown(session.appId)) throw notFound('log session')
    if (age > (session.options.tail && isResumed ? TAIL_MS : UNUSED_MS)) throw notFound('log session')
    return session
  }

  /** Counts who reads an app's stream while `work` goes on. Throws rate_limit. */
  async function counted(appId: string, work: () => Promise<void>) {
    const others = readers.get(appId) ?? 0
    if (others >= maxPerApp)
      throw new AppError(
        'rate_limit',
        `${maxPerApp} log streams of this app are being read already, which is the most here (DOZEN_MAX_LOG_SESSIONS): end one first.`,
      )
    readers.set(appId, others + 1)
    try {
      await work()
    } finally {
      if (readers.get(appId) === 1) readers.delete(appId)
      else readers.set(appId, readers.get(appId)! - 1)
    }
  }

  async function send(session: Session, reader: Reader): Promise<void> {
    const { appId, options } = session
    if (reader.form === 'events') await reader.write(options.tail ? 'retry: 1000\n\n' : 'retry: 1\n\n')
    else await reader.write('')
    if (options.tail) return tail(session, reader)
    await writeAll(await stream.read(appId, { ...history(options), afterId: reader.lastEventId }), options, reader)
  }

  return {
    create(appId: string, options: LogSessionOptions): { id: string; secret: string } {
      const sealed = vault.seal(JSON.stringify({ appId, options, madeAt: clock.now().getTime() } satisfies Session), PLACE)
      return { id: ids.uuid(), secret: sealed.toString('base64url') }
    },
    /** Writes the session's lines until its end, or until `signal` aborts. Throws not_found. */
    async serve(secret: string, reader: Reader): Promise<void> {
      const session = open(secret, reader.lastEventId !== undefined)
      await counted(session.appId, () => send(session, reader))
    },
  }
}

function unsealed(vault: Vault, secret: string): Session | undefined {
  try {
    const session = JSON.parse(vault.open(Buffer.from(secret, 'base64url'), PLACE)) as Session
    const { since, until } = session.options
    return { ...session, options: { ...session.options, since: since && new Date(since), until: until && new Date(until) } }
  } catch {
    return undefined
  }
}

const history = ({ lines = DEFAULT_LINES, ...options }: LogSessionOptions): LogQuery => ({ ...options, lines })

async function writeAll(lines: readonly LogLine[], { json }: LogSessionOptions, { form, write }: Reader) {
  const data = json ? toJson : format
  const shown = (line: LogLine) =>
    form === 'text' ? `${data(line)}\n` : `${line.id ? `id: ${line.id}\n` : ''}data: ${data(line)}\n\n`
  for (let at = 0; at < lines.length; at += EVENTS_AT_ONCE) {
    let text = ''
    for (const line of lines.slice(at, at + EVENTS_AT_ONCE)) text += shown(line)
    await write(text)
  }
}

/** What a line of JSON or logfmt says is there in parts too. */
function toJson({ id, time, source, dyno, release, text }: LogLine) {
  const [fields, level] = [fieldsOf(text), levelOf(text)]
  return JSON.stringify({
    id, time, source, dyno, release: release ?? null, text, ...(level !== undefined && { level }), ...(fields && { fields }),
  }) // prettier-ignore
}
