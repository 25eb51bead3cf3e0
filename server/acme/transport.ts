import { request } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { Refused } from './authority.ts'

const TIMEOUT_MS = 30_000
const MAX_BYTES = 1024 * 1024

type Asked = { url?: string; method?: string; headers: Record<string, unknown>; data?: unknown }
type Answer = { status: number; statusText: string; headers: IncomingHttpHeaders; data: string; config: Asked; request: unknown }
type Problem = { type?: unknown; detail?: unknown; subproblems?: unknown }

const URN = 'urn:ietf:params:acme:error:'

/**
 * How the ACME library reaches the authority: TLS only, no redirects, no proxy, bounded in time and size, and what goes wrong keeps its type
 * and its Retry-After, which the library's own errors have not. A bad nonce is the library's to try again.
 */
export function transport(ca: string | undefined) {
  return async (asked: Asked): Promise<Answer> => {
    const answer = await exchange(asked, ca)
    const problem = answer.status >= 400 ? parse(answer.data) : undefined
    if (problem && problem.type !== `${URN}badNonce`) throw refusal(answer, problem)
    return answer
  }
}

function exchange(asked: Asked, ca: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(new Refused('authority', `it cannot be reached (${cause.message})`))
    const url = new URL(asked.url!)
    if (url.protocol !== 'https:') return fail(new Error(`${url.protocol}// is not https://`))
    const headers = Object.fromEntries(Object.entries(asked.headers).map(([name, value]) => [name, String(value)]))
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const sent = request(url, { method: asked.method ?? 'GET', headers, ca, signal, agent: false }, (got) => {
      const chunks: Buffer[] = []
      let bytes = 0
      got.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        if (bytes > MAX_BYTES) sent.destroy(new Error('its answer is too long'))
        else chunks.push(chunk)
      })
      got.on('error', fail)
      got.on('end', () => {
        const { statusCode: status = 0, statusMessage: statusText = '', headers } = got
        resolve({ status, statusText, headers, data: Buffer.concat(chunks).toString(), config: asked, request: sent })
      })
    })
    sent.on('error', fail)
    sent.end(typeof asked.data === 'string' ? asked.data : undefined)
  })
}

function parse(text: string): Problem {
  try {
    return (JSON.parse(text) as Problem | null) ?? {}
  } catch {
    return {}
  }
}

function refusal({ status, headers }: Answer, { type, detail }: Problem): Refused {
  const kind = typeof type === 'string' && type.startsWith(URN) ? type.slice(URN.length) : ''
  const said = typeof detail === 'string' && detail !== '' ? detail : `it answered ${status}`
  return new Refused(faultOf(status, kind), kind ? `${said} (${kind})` : said, retryAfterMs(headers['retry-after'], headers.date))
}

const OF_THE_NAME = [
  'rejectedIdentifier',
  'unsupportedIdentifier',
  'caa',
  'dns',
  'connection',
  'badCSR',
  'incorrectResponse',
  'tls',
]

function faultOf(status: number, kind: string): Refused['fault'] {
  if (status === 429 || kind === 'rateLimited') return 'rate'
  if (kind === 'accountDoesNotExist') return 'authority'
  if (OF_THE_NAME.includes(kind)) return 'name'
  if (status === 404 || kind === 'orderNotReady') return 'order'
  if (status < 500 && kind === 'malformed') return 'name'
  return 'authority'
}

/** Seconds, or a date by the authority's own clock (RFC 9110 section 10.2.3); at most a day; 0 = none. */
export function retryAfterMs(header: string | undefined, date: string | undefined): number {
  if (header === undefined) return 0
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.parse(date ?? '')
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), 86_400_000) : 0
}
