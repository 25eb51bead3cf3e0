import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { invalid } from '../errors.ts'

/** RFC 1123 labels; a first label of "*" covers one level. */
const HOSTNAME = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/
const MAX_LENGTH = 253
/** More is looked at by nobody: IDNA takes its time with long texts. */
const MAX_TEXT = 1024

/** "Bücher.Example" → "xn--bcher-kva.example", "*.Example.com" → "*.example.com". Throws invalid_params for what is no host name. */
export function hostname(text: unknown): string {
  if (typeof text !== 'string' || text.length > MAX_TEXT) throw wrong(String(text).slice(0, 80))
  const isWild = text.startsWith('*.')
  // Only letters, digits, dot and hyphen of ASCII; "%", "/", "@" and the like would be read as parts of a URL.
  if (isIP(text) !== 0 || !/^[A-Za-z0-9.\-\u0080-\u{10ffff}]+$/u.test(isWild ? text.slice(2) : text)) throw wrong(text)
  const ascii = domainToASCII(isWild ? text.slice(2) : text).toLowerCase()
  const name = isWild ? `*.${ascii}` : ascii
  if (!HOSTNAME.test(name) || name.length > MAX_LENGTH) throw wrong(text)
  return name
}

const wrong = (text: string) =>
  invalid(`${JSON.stringify(text)} is no host name: use one such as shop.example.com or *.example.com, without port or path.`)

/** "a.b.example" → "b.example", "*.b.example" → "b.example" */
export const parentOf = (name: string) => name.slice(name.indexOf('.') + 1)
