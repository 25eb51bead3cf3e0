import type { ErrorRequestHandler } from 'express'
import { AppError, type ErrorCode } from '../errors.ts'
import type { ErrorBody } from './wire.ts'

/** The only place where a domain failure becomes an HTTP status. `satisfies` makes a forgotten code a compile error. */
export const STATUS = {
  bad_request: 400,
  invalid_params: 422,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  range_not_satisfiable: 416,
  confirmation_required: 423,
  build_failed: 422,
  rate_limit: 429,
  unavailable: 503,
} satisfies Record<ErrorCode, number>

type Deps = { bodyBytes: number; log: (id: string, cause: unknown) => void; newId: () => string }

export function errorHandler({ bodyBytes, log, newId }: Deps): ErrorRequestHandler {
  return (cause: unknown, req, res, next) => {
    if (res.headersSent) return next(cause) // a stream already began: express closes the socket
    if (!req.complete) res.set('Connection', 'close') // the rest of the body is nobody's: it must not be read as a next request
    const error = asAppError(cause, bodyBytes)
    if (error) {
      if (error.code === 'unavailable' && error.cause) log(newId(), error.cause)
      const { code: id, message, resource } = error
      res.status(STATUS[error.code]).json({ id, message, ...(resource && { resource }) } satisfies ErrorBody)
      return
    }
    const id = newId()
    log(id, cause)
    res.status(500).json({
      id: 'internal_server_error',
      message: `Internal error. The log of dozen has more under ${id}.`,
    } satisfies ErrorBody)
  }
}

/** Why nothing can be written down now; undefined when it is something else. */
function storageSentence(cause: unknown): string | undefined {
  const code = String((cause as { code?: unknown } | null)?.code ?? '')
  const advice = '`dozen doctor` says more. Nothing was changed, and what runs goes on.'
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return `Another program holds the database: try again. ${advice}`
  if (code === 'SQLITE_FULL' || code === 'ENOSPC') return `The disk of dozen is full: free some. ${advice}`
  if (/^SQLITE_(IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)/.test(code) || code === 'EIO' || code === 'EROFS')
    return `The disk of dozen cannot be written (${code}). ${advice}`
  return undefined
}

/** What express's own body reader throws is the client's mistake too. */
function asAppError(cause: unknown, bodyBytes: number): AppError | undefined {
  if (cause instanceof AppError) return cause
  const storage = storageSentence(cause)
  if (storage) return new AppError('unavailable', storage, { cause })
  const { type, status } = cause as { type?: string; status?: number }
  if (type === 'entity.too.large')
    return new AppError('too_large', `The request body is larger than ${bodyBytes} bytes (DOZEN_BODY_LIMIT).`)
  if (type === 'entity.parse.failed') return new AppError('bad_request', 'The request body is not valid JSON.')
  if (cause instanceof URIError) return new AppError('bad_request', 'The path is not valid percent-encoding.')
  if (status !== undefined && status >= 400 && status < 500) return new AppError('bad_request', 'The request could not be read.')
  return undefined
}
