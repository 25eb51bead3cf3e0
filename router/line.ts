import { CODES, type Code } from './codes.ts'

/** What one request was, for its line in the app's stream. Absent times and dyno print as nothing, as on Heroku. */
export type RequestRecord = {
  code?: Code | undefined
  method: string
  path: string
  host: string
  requestId: string
  /** The client's X-Forwarded-For chain with the peer appended. */
  fwd: string
  dyno?: string | undefined
  connectMs?: number | undefined
  serviceMs?: number | undefined
  status: number
  /** Of the response's body, as sent. */
  bytes: number
  protocol: 'http1.0' | 'http1.1' | 'http2'
  tls: boolean
}

/** CONTRACT.md's router line, e.g. `at=info method=GET path="/" host=shop.localhost … protocol=http1.1 tls=false`. */
export function formatLine(r: RequestRecord): string {
  const at =
    r.code === undefined ? 'at=info' : `at=${r.code === 'H80' ? 'info' : 'error'} code=${r.code} desc="${CODES[r.code].desc}"`
  return (
    `${at} method=${r.method} path="${clean(r.path)}" host=${clean(r.host)} request_id=${r.requestId} fwd="${clean(r.fwd)}" ` +
    `dyno=${r.dyno ?? ''} connect=${ms(r.connectMs)} service=${ms(r.serviceMs)} status=${r.status} bytes=${r.bytes} ` +
    `protocol=${r.protocol} tls=${r.tls}`
  )
}

const ms = (value: number | undefined) => (value === undefined ? '' : `${Math.round(value)}ms`)

/** Quotes, backslashes and control characters escaped: no client can end a field or forge a line. */
export function clean(text: string): string {
  return /["\\\x00-\x1f\x7f-\x9f]/.test(text) ? text.replace(/["\\\x00-\x1f\x7f-\x9f]/g, escape) : text
}

const escape = (char: string) =>
  char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
