import { lookup, type LookupAddress } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
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

const inside = new BlockList()
for (const [net, bits] of [['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 3]] as const) inside.addSubnet(net, bits) // prettier-ignore
for (const [net, bits] of [['::', 127], ['64:ff9b::', 96], ['fc00::', 7], ['fe80::', 10], ['ff00::', 8]] as const) inside.addSubnet(net, bits, 'ipv6') // prettier-ignore

/** Whether an address belongs to this machine, to a private network, or to nobody: there are things there that trust whoever can reach them. */
export function isInside(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped) return isInside(mapped)
  return inside.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

const REFUSAL = (host: string) =>
  `${host} is an address inside this machine or its network, where a drain may not lead (DOZEN_PRIVATE_TARGETS=1 allows it)`

/** Throws for a literal address inside; names are checked when they are looked up, each time anew. */
export function checkLiteral(host: string): void {
  if (host === 'localhost' || (isIP(host) !== 0 && isInside(host))) throw invalid(`${REFUSAL(host)}.`)
}

/** dns.lookup that gives no address inside: a name that changes its mind after the check gains nothing. */
export const outsideOnly: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (cause, found) => {
    if (cause) return done(cause, '')
    const addresses = found as unknown as LookupAddress[]
    if (addresses.some(({ address }) => isInside(address))) return done(new Error(REFUSAL(host)), '')
    if (options.all) return done(null, addresses)
    done(null, addresses[0]!.address, addresses[0]!.family)
  })
}
