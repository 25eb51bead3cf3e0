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
  /** Where it was read, for a container's line: "<container id> <position>". */
  origin: string | undefined
}

/** `dyno` is a dyno's name or a process type; `source` accepts "heroku" for "dozen". */
export type LogQuery = {
  /** At most the last N that match. */
  lines?: number | undefined
  source?: string | undefined
  dyno?: string | undefined
  type?: string | undefined
  release?: number | undefined
  /** Only lines with a higher id. */
  afterId?: number | undefined
}

/** "2026-01-01T00:00:00.000000+00:00 app[web.1]: text" */
export const format = (line: LogLine) => `${line.time} ${line.source}[${line.dyno}]: ${line.text}`

export function matches(line: LogLine, { source, dyno, type, release, afterId }: LogQuery): boolean {
  const wanted = source === 'heroku' ? 'dozen' : source
  const isOf = (name: string) => line.dyno === name || line.dyno.startsWith(`${name}.`)
  return (
    (!wanted || line.source === wanted) &&
    (!dyno || isOf(dyno)) &&
    (!type || isOf(type)) &&
    (release === undefined || line.release === release) &&
    (afterId === undefined || line.id > afterId)
  )
}
