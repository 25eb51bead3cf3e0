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
