/** `dozen run`: a one-off dyno on the current release, never restarted, removed at its exit. */
export type Run = {
  readonly id: string
  /** "run.7" */
  readonly name: string
  readonly number: number
  readonly version: number
  readonly command: string
  readonly state: 'starting' | 'up' | 'ended'
  readonly exitCode: number | null
  /** Unguessable, valid once within a minute; null when detached. */
  readonly secret: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type RunRequest = {
  command: string
  attach: boolean
  env: Readonly<Record<string, string>>
  /** The process type whose image and limits it has; default: those of `run`. */
  type?: string | undefined
  /** A terminal, unless the client has none. */
  tty: boolean
  /** End the stream with "\uFFFF heroku-command-exit-status: N\r\n", and cut the official CLI's own echo off the command. */
  exitStatus: boolean
  columns?: number
  rows?: number
}
