import { BAD_VERSION, LINE_TOO_LONG, TOO_LARGE } from './fields.ts'

/** RFC 9110 section 15.5.6. */
export const ALLOW = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n'

/** Of the statuses that the router itself answers with. */
export const REASONS: Record<number, string> = {
  200: 'OK', 301: 'Moved Permanently', 308: 'Permanent Redirect',
  400: 'Bad Request', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout', 414: 'URI Too Long', 413: 'Content Too Large', 417: 'Expectation Failed',
  421: 'Misdirected Request', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 503: 'Service Unavailable', 505: 'HTTP Version Not Supported',
} // prettier-ignore

/** The status and the sentence for a request head that was refused. */
export function refusalOf(why: number): [number, string] {
  if (why === TOO_LARGE) return [431, 'The header is too large.']
  if (why === LINE_TOO_LONG) return [414, 'The request line is longer than 8 KiB.']
  if (why === BAD_VERSION) return [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.']
  return [400, 'This is not a valid HTTP request.']
}
