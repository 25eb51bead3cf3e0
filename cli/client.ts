import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { ErrorBody } from '../server/api/wire.ts'
import { ApiError, CliError } from './errors.ts'
import { type Ask, type Body, type RequestOptions, send, text } from './http.ts'
import type { Settings } from './settings.ts'

export type Warn = (message: string) => void
export type ApiClient = ReturnType<typeof apiClient>

/** Pauses before each new try of a lost connection: a controller is back within a second after a crash. */
const RETRY_AFTER_MS = [100, 250, 500, 1000]

/** The one place that knows the URL's base, auth and error bodies. A 2xx resolves to its JSON; anything else throws ApiError. */
export function apiClient(settings: Settings, warn: Warn = () => {}) {
  const call = async <T>(method: string, path: string, options: Omit<Ask, 'method' | 'path'> = {}): Promise<T> =>
    (await answer(settings, warn, { method, path, ...options })).json as T
  return {
    settings,
    /** JSON and headers, for those that tell something in a header. */
    ask: async <T>(method: string, path: string, body?: Body) => {
      const { json, headers } = await answer(settings, warn, { method, path, body })
      return { json: json as T, headers }
    },
    get: <T>(path: string) => call<T>('GET', path),
    /** Every page of a list, in the order that `range` asks for ("version ..; order=desc"). */
    list: <T>(path: string, range?: string) => listAll<T>(settings, warn, path, range),
    /** One page: what `range` asks for and no more. */
    page: <T>(path: string, range: string) => call<T[]>('GET', path, { headers: { range } }),
    post: <T>(path: string, body?: Body) => call<T>('POST', path, { body: body ?? {} }),
    /** A POST whose answer may take minutes: no time limit. */
    postPatiently: <T>(path: string) => call<T>('POST', path, { body: {}, isStream: true }),
    patch: <T>(path: string, body: Body) => call<T>('PATCH', path, { body }),
    put: <T>(path: string, body: Body) => call<T>('PUT', path, { body }),
    delete: <T>(path: string, body?: Body) => call<T>('DELETE', path, { body }),
    /** The response as it streams; a status of 400 or more throws. For logs, outputs and uploads. */
    open: (method: string, url: string, options: RequestOptions = {}) =>
      open(settings, warn, { method, path: url, isStream: true, ...options }),
  }
}

async function listAll<T>(settings: Settings, warn: Warn, path: string, range?: string): Promise<T[]> {
  const all: T[] = []
  for (let next = range, more = true; more;) {
    const { json, headers } = await answer(settings, warn, { method: 'GET', path, ...(next && { headers: { range: next } }) })
    all.push(...(json as T[]))
    next = headers['next-range'] as string | undefined
    more = next !== undefined
  }
  return all
}

async function answer(settings: Settings, warn: Warn, ask: Ask) {
  const response = await open(settings, warn, ask)
  return { json: parse(await text(response)), headers: response.headers }
}

/** Repeats only what cannot have happened twice: GETs, what carries an Idempotency-Key, and whatever never got a connection. */
async function open(settings: Settings, warn: Warn, ask: Ask): Promise<IncomingMessage> {
  const isKeyed = ask.method === 'POST' || ask.method === 'PATCH'
  const keyed = isKeyed ? { ...ask, headers: { 'idempotency-key': randomUUID(), ...ask.headers } } : ask
  for (let attempt = 0; ; attempt++) {
    try {
      return await check(settings, await send(settings, keyed), warn)
    } catch (error) {
      const pause = RETRY_AFTER_MS[attempt]
      if (error instanceof CliError) throw error
      const { code } = error as NodeJS.ErrnoException
      const isSafe = code === 'ECONNREFUSED' || ((isKeyed || ask.method === 'GET') && code !== 'ETIMEDOUT')
      if (pause === undefined || !isSafe || !isTransient(code) || isPipe(ask.raw)) throw unreachable(settings, ask.path, error)
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

const isPipe = (raw: RequestOptions['raw']) => raw !== undefined && !Buffer.isBuffer(raw)
const isTransient = (code: string | undefined) => ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code ?? '')

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Prints what the server warns of, and turns a no into its ApiError. */
async function check(settings: Settings, response: IncomingMessage, warn: Warn): Promise<IncomingMessage> {
  const warning = response.headers['warning-message'] ?? response.headers['x-heroku-warning']
  if (warning) warn(String(warning))
  const status = response.statusCode ?? 0
  if (status < 400) return response
  const body = parse(await text(response)) as ErrorBody | undefined
  const message = body?.message ?? `The server answered ${status} ${response.statusMessage ?? ''}`.trimEnd() + '.'
  throw new ApiError(status, { id: 'unknown', ...body, message }, hintOf(settings, status, body))
}

function hintOf(settings: Settings, status: number, body: ErrorBody | undefined): string | undefined {
  if (status === 401) return loginHint(settings)
  return status === 404 && body?.resource === 'app' ? '`dozen apps` lists yours.' : undefined
}

function loginHint(settings: Settings): string {
  const { value, from } = settings.token()
  if (value === undefined) return 'No token is set: run `dozen login`, or set DOZEN_TOKEN.'
  return `The token came from ${from}. Run \`dozen login\` to save another, or set DOZEN_TOKEN.`
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was lost',
  EPIPE: 'the connection was lost',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to it',
}

function unreachable(settings: Settings, path: string, cause: unknown): CliError {
  const { code, message } = cause as NodeJS.ErrnoException
  const base = new URL(path, settings.url()).origin
  const reason =
    REASONS[code ?? ''] ?? (/certificate|self.signed|CERT/i.test(`${code} ${message}`) ? `its certificate: ${message}` : message)
  return new CliError(`Couldn't reach dozen at ${base}: ${reason}.`, { hint: hintOn(reason), cause })
}

function hintOn(reason: string): string {
  if (/altnames/.test(reason)) return 'Use one of those names in DOZEN_URL, or a tunnel: ssh -L 5170:localhost:5170 SERVER'
  if (/certificate/.test(reason)) return "Set DOZEN_CA to the file of the installation's CA (ca.pem in its folder certs)."
  return 'Is it running? `dozen up` starts it; DOZEN_URL says where to look.'
}
