import { lookup, type LookupAddress } from 'node:dns'
import { lookup as lookUp } from 'node:dns/promises'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { invalid } from './errors.ts'

const inside = new BlockList()
for (const [net, bits] of [['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['224.0.0.0', 3]] as const) inside.addSubnet(net, bits) // prettier-ignore
for (const [net, bits] of [['::', 127], ['64:ff9b::', 96], ['64:ff9b:1::', 48], ['2001::', 32], ['2002::', 16], ['fec0::', 10], ['fc00::', 7], ['fe80::', 10], ['ff00::', 8]] as const) inside.addSubnet(net, bits, 'ipv6') // prettier-ignore

/** Whether an address belongs to this machine, to a private network, or to nobody: there are things there that trust whoever can reach them. */
export function isInside(address: string): boolean {
  const mapped = mappedIn(address)
  if (mapped) return isInside(mapped)
  return inside.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') || isOurs(address)
}

/** The IPv4 address in "::ffff:192.0.2.1", or in "::ffff:c000:201", as URLs have it. */
function mappedIn(address: string): string | undefined {
  const [, dotted, high, low] = /^::ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(address) ?? []
  if (high === undefined || low === undefined) return dotted
  return [high, low].flatMap((half) => [parseInt(half, 16) >> 8, parseInt(half, 16) & 255]).join('.')
}

/** A public address of this machine leads to what listens on all of them. */
const isOurs = (address: string) => Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address))

const REFUSAL = (host: string) =>
  `${host} is an address inside this machine or its network, where dozen sends nothing (DOZEN_PRIVATE_TARGETS=1 allows it)`

/** RFC 6761 section 6.3: a dot at the end and names below it mean the same; not every resolver says so before it is asked in earnest. */
const isLocalhost = (host: string) => /(^|\.)localhost\.?$/i.test(host)

/** Throws for a literal address inside; names are checked when they are looked up, each time anew. */
export function checkLiteral(host: string): void {
  if (isLocalhost(host) || (isIP(host) !== 0 && isInside(host))) throw invalid(`${REFUSAL(host)}.`)
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

/** The first address of a host, for who then connects to that one and no other. Rejects for one inside, and for a name that leads there. */
export async function outsideAddress(host: string): Promise<string> {
  checkLiteral(host)
  const found = await lookUp(host, { all: true })
  if (found.length === 0 || found.some(({ address }) => isInside(address))) throw invalid(`${REFUSAL(host)}.`)
  return found[0]!.address
}

/** Throws for an address inside, and for a name that leads to one now. One that cannot be looked up now may be there later: it is asked again for each connection. */
export async function checkHost(host: string): Promise<void> {
  checkLiteral(host)
  const found = await lookUp(host, { all: true }).catch(() => [])
  if (found.some(({ address }) => isInside(address))) throw invalid(`${REFUSAL(host)}.`)
}
