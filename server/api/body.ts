import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import express, { type Request, type RequestHandler } from 'express'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

const MAX_DEPTH = 32
const bad = (message: string) => new AppError('bad_request', message)

const isJson = (type: string) => /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type)

/** Reads a JSON body of at most `maxBytes` (unpacked), and nothing that calls itself something else (a form of another site, ABUSE 65). */
export function jsonBody(maxBytes: number): RequestHandler[] {
  const checkType: RequestHandler = (req, _res, next) => {
    const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
    if (hasBody && !isJson(req.headers['content-type'] ?? ''))
      throw bad('The request body should be JSON: send it with the header Content-Type: application/json.')
    next()
  }
  const verify = (_req: IncomingMessage, _res: unknown, bytes: Buffer) => {
    if (!isUtf8(bytes)) throw bad('The request body is not valid UTF-8.')
  }
  return [
    checkType,
    express.json({ limit: maxBytes, type: (req) => isJson(req.headers['content-type'] ?? ''), strict: true, verify }),
  ]
}

/** Cuts off who takes longer than `ms` to send a body (ABUSE 75): a connection is held open by one that never ends. */
export function hurry(clock: Pick<Clock, 'sleep'>, ms: number): RequestHandler {
  return (req, res, next) => {
    if (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0) {
      const over = new AbortController()
      const stop = () => over.abort()
      req.once('end', stop)
      res.once('close', stop)
      void clock.sleep(ms, over.signal).then(() => req.destroy(), () => {}) // prettier-ignore
    }
    next()
  }
}

/** The body as an object. Throws bad_request for anything that could not be kept as it came. */
export function bodyOf(req: Pick<Request, 'body'>): Record<string, unknown> {
  const body: unknown = req.body
  if (body === undefined || body === null) return {}
  if (typeof body !== 'object' || Array.isArray(body)) throw bad('The request body should be a JSON object.')
  check(body)
  return body as Record<string, unknown>
}

/** Without recursion: the depth is the client's. */
function check(body: object) {
  const open: { value: unknown; depth: number }[] = [{ value: body, depth: 1 }]
  for (let one = open.pop(); one; one = open.pop()) {
    const { value, depth } = one
    if (typeof value === 'string' && /\p{Surrogate}/u.test(value))
      throw bad('The request body has half a surrogate pair in a text.')
    if (typeof value === 'number' && !Number.isFinite(value)) throw bad('The request body has a number that is too large.')
    if (typeof value !== 'object' || value === null) continue
    if (depth > MAX_DEPTH) throw bad(`The request body is nested deeper than ${MAX_DEPTH} levels.`)
    if (Object.hasOwn(value, '__proto__')) throw bad('The request body may not have a key __proto__.')
    for (const [key, inner] of Object.entries(value)) open.push({ value: key, depth }, { value: inner, depth: depth + 1 })
  }
}
