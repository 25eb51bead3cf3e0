import type { ErrorBody } from '../server/api/wire.ts'

/** A failure with a sentence for the person at the terminal. Exit status 1; `hint` is a second line of what to do next. */
export class CliError extends Error {
  override readonly name: string = 'CliError'
  readonly hint: string | undefined
  constructor(message: string, { hint, cause }: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, { cause })
    this.hint = hint
  }
}

/** The command line itself is wrong. Exit status 2. */
export class UsageError extends CliError {
  override readonly name = 'UsageError'
}

/** What the server said no with. `message` was written for the person at the terminal, so it is printed as it is. */
export class ApiError extends CliError {
  override readonly name = 'ApiError'
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    hint?: string,
  ) {
    super(body.message, { hint })
  }
}

/** Ends the program with a status and no message: a one-off dyno's exit status is ours. */
export class ExitStatus extends Error {
  override readonly name = 'ExitStatus'
  constructor(readonly code: number) {
    super(`exit status ${code}`)
  }
}
