import { CODES, type Code } from './codes.ts'
import type { Passage } from './forwarded.ts'

/** How one request went, for its line in the app's stream. Absent times and dyno print as nothing, as on Heroku. */
export type RequestRecord = {
  code?: Code | undefined
  requestId: string
  dyno?: string | undefined
  connectMs?: number | undefined
  serviceMs?: number | undefined
  status: number
  /** Of the response's body, as sent. */
  bytes: number
}

/** CONTRACT.md's router line, e.g. `at=info method=GET path="/" host=shop.localhost … protocol=http1.1 tls=false`. */
export function formatLine({ asked, fwd, by }: Passage, r: RequestRecord): string {
  return (
    `${levelOf(r.code)}${asked}${r.requestId}${fwd}${r.dyno ?? ''} connect=${ms(r.connectMs)} service=${ms(r.serviceMs)} ` +
    `status=${r.status} bytes=${r.bytes}${by}`
  )
}

function levelOf(code: Code | undefined): string {
  return code === undefined ? 'at=info' : `at=${code === 'H80' ? 'info' : 'error'} code=${code} desc="${CODES[code].desc}"`
}

const ms = (value: number | undefined) => (value === undefined ? '' : `${Math.round(value)}ms`)

/** Quotes, backslashes and all but printable ASCII escaped, as in nginx's log: no client can end a field or forge a line. */
export function clean(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, escape) : text
}

const UNSAFE = /[^\x20-\x7e]|["\\]/
const UNSAFE_ALL = new RegExp(UNSAFE, 'g')
const escape = (char: string) =>
  char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
