import type { Readable, Writable } from 'node:stream'
import type { ApiClient } from './client.ts'
import type { Entry } from './entry.ts'
import type { Env, Settings } from './settings.ts'
import type { Terminal } from './terminal.ts'

export type Streams = {
  stdin: Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => unknown }
  stdout: Writable & { isTTY?: boolean; columns?: number; rows?: number }
  stderr: Writable & { isTTY?: boolean }
}

/** What a command may touch: the API and the terminal. */
export type Context = {
  /** Every command, for those that talk about commands. */
  readonly commands: readonly Entry[]
  readonly api: ApiClient
  readonly settings: Settings
  /** A line of data. */
  readonly out: (line: string) => void
  /** A line about what is going on. */
  readonly err: (line: string) => void
  readonly terminal: Terminal
  readonly streams: Streams
  readonly env: Env
  readonly cwd: string
  readonly now: () => Date
  /** How to start this program again: its absolute path. */
  readonly program: string
  /** `-a`, else DOZEN_APP, else the git remote `dozen` of the folder; throws UsageError when none of them names an app. */
  app(name: string | undefined): Promise<string>
}
