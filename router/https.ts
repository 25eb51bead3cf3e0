import type { Origin } from './forwarded.ts'
import { fieldOf, type RequestHead } from './http1/request.ts'
import type { Page } from './page.ts'
import type { AppRoute } from './routes.ts'

const CHALLENGE = '/.well-known/acme-challenge/'
const HSTS = 'strict-transport-security'

type House = { routes: { challenges: ReadonlyMap<string, string> | undefined }; ports: { tls: number } }
type Own = { status: number; page: Page }

/** What the router says itself before it looks at the app's state: an ACME answer, or the way to HTTPS. Undefined = the app's turn. */
export function ownAnswer(house: House, request: RequestHead, origin: Origin, app: AppRoute | undefined): Own | undefined {
  const { challenges } = house.routes
  if (challenges !== undefined && request.target.startsWith(CHALLENGE)) {
    const answer = challengeAnswer(challenges, request)
    if (answer !== undefined) return { status: 200, page: { type: 'application/octet-stream', body: answer } }
  }
  if (app?.rules?.httpsRedirect !== true || isSecure(request, origin)) return undefined
  return toHttps(request, house.ports.tls)
}

/** RFC 8555 section 8.3. An unknown token is the app's business; a known one nobody can shadow. */
function challengeAnswer(challenges: ReadonlyMap<string, string>, { method, target }: RequestHead): string | undefined {
  if (method !== 'GET' && method !== 'HEAD') return undefined
  return challenges.get(target.slice(CHALLENGE.length).replace(/\?.*$/s, ''))
}

/** Whether the client's own connection is TLS, which a trusted load balancer may end for us. */
const isSecure = (request: RequestHead, { isTls, isTrusted }: Origin) =>
  isTls || (isTrusted && request.forwardedProto?.toLowerCase() === 'https')

/**
 * 301 for what has no body, 308 for the rest (RFC 9110 section 15.4): the method stays. Who named a port reaches the router itself,
 * so its own port is named too; who did not is behind something that maps 80 and 443.
 */
function toHttps(request: RequestHead, port: number): Own {
  const named = /:(\d+)$/.exec(fieldOf(request.kept, 'host') ?? '')?.[1]
  const isDirect = named !== undefined && named !== '80' && port !== 443
  const location = `https://${request.host}${isDirect ? `:${port}` : ''}${request.target === '*' ? '/' : request.target}`
  const page = { type: 'text/plain; charset=utf-8', body: 'This is served by HTTPS only.\n', fields: `Location: ${location}\r\n` }
  return { status: request.method === 'GET' || request.method === 'HEAD' ? 301 : 308, page }
}

/** RFC 6797 section 7: over TLS only; what the app says itself stands. "" = nothing to add. */
export function hstsLine(hsts: string, request: RequestHead, origin: Origin, kept: string): string {
  if (!isSecure(request, origin) || fieldOf(kept, HSTS) !== undefined) return ''
  return `Strict-Transport-Security: ${hsts}\r\n`
}
