import { isAtLeast, levelOf, says } from './structured.ts'

/** Who wrote a line: "app" (the app, its build, its API events) or "dozen" (the platform). */
export type LogSource = 'app' | 'dozen'

/** What anything hands to the stream. `dyno` is "web.1", "run.7", "build", "release.3", "api", "router". */
export type LogEntry = {
  appId: string
  source: LogSource
  dyno: string
  /** One line, without its line end. Longer than 10,000 bytes is split by the stream. */
  text: string
  /** When it was written; absent = now. */
  at?: Date
  /** Microseconds within `at`'s millisecond, 0–999. */
  micros?: number
  /** Release version, when the line belongs to one. */
  release?: number
}

/** The writing half of the log stream; the only half that most rooms ever see. Never throws, never blocks. */
export type LogSink = { publish(entry: LogEntry): void }

/** A line as it was stored. `id` strictly increases per app, over restarts too. */
export type LogLine = Required<Pick<LogEntry, 'appId' | 'source' | 'dyno' | 'text'>> & {
  id: number
  /** "2026-01-01T00:00:00.000000+00:00" */
  time: string
  release: number | undefined
  /** Who read it and how far that reader was then: "<reader> <cursor>" (server/logs/store.ts). */
  origin: string | undefined
}

/** What readers of containers and spools hand in besides: the line's place there, and its time as text. */
export type ReadEntry = LogEntry & { origin?: string; time?: string }

/** `dyno` is a dyno's name or a process type; `source` accepts "heroku" for "dozen". */
export type LogQuery = {
  /** At most the last N that match. */
  lines?: number | undefined
  source?: string | undefined
  dyno?: string | undefined
  type?: string | undefined
  release?: number | undefined
  since?: Date | undefined
  until?: Date | undefined
  /** A part of the text, or "key=value" of a JSON or logfmt line. */
  grep?: string | undefined
  /** A request's id, as the router's line has it and the app's may: anywhere in the text. */
  request?: string | undefined
  /** "error" and what is worse; lines that name no level do not match. */
  level?: string | undefined
  /** Only lines with a higher id. */
  afterId?: number | undefined
}

/** "2026-01-01T00:00:00.000000+00:00 app[web.1]: text" */
export const format = (line: LogLine) => `${line.time} ${line.source}[${line.dyno}]: ${line.text}`

/** "2026-01-01T00:00:00.000000+00:00"; `micros` is what comes within the millisecond. */
export const stamp = (at: Date, micros = 0) => at.toISOString().replace('Z', `${String(micros).padStart(3, '0')}+00:00`)

/** The question made ready once, asked of every line. */
export function matcher(query: LogQuery): (line: LogLine) => boolean {
  const { dyno, type, release, afterId, grep, request, level } = query
  const source = query.source === 'heroku' ? 'dozen' : query.source
  const since = query.since && stamp(query.since)
  const until = query.until && stamp(query.until)
  const isOf = (line: LogLine, name: string) => line.dyno === name || line.dyno.startsWith(`${name}.`)
  return (line) =>
    (!source || line.source === source) &&
    (!dyno || isOf(line, dyno)) &&
    (!type || isOf(line, type)) &&
    (release === undefined || line.release === release) &&
    (afterId === undefined || line.id > afterId) &&
    (!since || line.time >= since) &&
    (!until || line.time < until) &&
    (!grep || says(line.text, grep)) &&
    (!request || line.text.includes(request)) &&
    (!level || isAtLeast(levelOf(line.text), level))
}
