import type Dockerode from 'dockerode'
import { EngineError, type EngineErrorCode, type Labels } from './port.ts'

/** The engine's client library: docker.ts makes it, the files beside it see only this type. */
export type Client = Dockerode

export const labelFilter = (labels: Labels) => Object.entries(labels).map(([key, value]) => `${key}=${value}`)

type Failure = { statusCode?: number; code?: string; message: string; json?: { message?: string } }

/**
 * dockerode rejects on every status it does not count as success, 304 "already stopped" included: those named `fine` become undefined.
 * Everything else becomes one EngineError.
 */
export async function guard<T>(call: Promise<T>): Promise<T>
export async function guard<T>(call: Promise<T>, options: { fine: readonly number[] }): Promise<T | undefined>
export async function guard<T>(call: Promise<T>, { fine = [] as readonly number[] } = {}): Promise<T | undefined> {
  try {
    return await call
  } catch (cause) {
    const failure = cause as Failure
    if (failure.statusCode && fine.includes(failure.statusCode)) return undefined
    const message = failure.json?.message ?? failure.message
    throw new EngineError(codeOf({ statusCode: failure.statusCode, code: failure.code, message }), message, { cause })
  }
}

function codeOf({
  statusCode,
  code,
  message,
}: {
  statusCode: number | undefined
  code: string | undefined
  message: string
}): EngineErrorCode {
  if (code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ECONNRESET' || code === 'EACCES' || code === 'EPIPE')
    return 'unreachable'
  if (/no space left on device/i.test(message)) return 'no_space'
  if (statusCode === 404) return /no such container/i.test(message) ? 'no_such_container' : 'no_such_image'
  if (statusCode === 409 && /already in use/i.test(message)) return 'name_taken'
  return 'other'
}
