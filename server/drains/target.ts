import { invalid } from '../errors.ts'

export type Scheme = 'syslog' | 'syslog+tls' | 'syslog+udp' | 'http' | 'https' | 'http+ndjson' | 'https+ndjson'
/** An address that lines are sent to. `host` without brackets. */
export type Target = { scheme: Scheme; host: string; port: number; path: string; authorization: string | undefined }

const PORTS: Record<Scheme, number> = {
  syslog: 514, 'syslog+udp': 514, 'syslog+tls': 6514, http: 80, https: 443, 'http+ndjson': 80, 'https+ndjson': 443,
} // prettier-ignore
const EXAMPLES = 'syslog+tls://logs.example.com:6514, syslog://…, syslog+udp://…, https://logs.example.com/in or https+ndjson://…'

/** Throws invalid_params with what would do. */
export function parseTarget(text: string): Target {
  const scheme = /^([a-z+]+):\/\//.exec(text)?.[1]
  if (text.length > 2000 || scheme === undefined || !(scheme in PORTS) || !URL.canParse(text.replace(/^[a-z+]+:/, 'http:')))
    throw invalid(`${JSON.stringify(text.slice(0, 100))} is no drain address. These are: ${EXAMPLES}.`)
  const url = new URL(text.replace(/^[a-z+]+:/, 'http:'))
  const port = url.port === '' && !/:80(?:[/?#]|$)/.test(text) ? PORTS[scheme as Scheme] : Number(url.port || 80)
  const user = decodeURIComponent(url.username)
  return {
    scheme: scheme as Scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    path: url.pathname + url.search,
    authorization: user ? `Basic ${Buffer.from(`${user}:${decodeURIComponent(url.password)}`).toString('base64')}` : undefined,
  }
}
