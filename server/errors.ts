/** Everything a caller can be told. The set is closed: adding a code means adding its HTTP status too (`server/api/error-handler.ts`). */
export type ErrorCode =
  | 'bad_request'
  | 'invalid_params'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'range_not_satisfiable'
  | 'confirmation_required'
  | 'build_failed'
  | 'rate_limit'
  | 'unavailable'

/** A failure that the user caused or can act on: a full sentence that says what to do next. Anything else thrown is a bug: a 500. */
export class AppError extends Error {
  override readonly name = 'AppError'
  /** What was not found, as the Heroku CLI spells it ("app", "add_on", "release"). */
  readonly resource: string | undefined
  constructor(
    readonly code: ErrorCode,
    message: string,
    { resource, cause }: { resource?: string; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.resource = resource
  }
}

/** "Couldn't find that app.", as Heroku says it: identical for what does not exist and for what is not yours. */
export const notFound = (resource: string) => new AppError('not_found', `Couldn't find that ${resource}.`, { resource })

export const invalid = (message: string) => new AppError('invalid_params', message)
