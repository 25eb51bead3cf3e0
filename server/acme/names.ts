import type { Refused } from './authority.ts'

/** RFC 6761, RFC 2606, RFC 8375, RFC 9476: no public authority has them to give. */
const SPECIAL = /(^|\.)(localhost|local|test|example|invalid|internal|home\.arpa|onion|alt)$/

/** Why a name gets no certificate by itself; undefined = it may. `isPublic`: the authority is one of the public ones. */
export function ineligible(host: string, isPublic: boolean): string | undefined {
  if (host.startsWith('*.')) return 'A wildcard cannot be proven by HTTP: bring a certificate of your own with certs:add.'
  if (/(^|\.)localhost$/.test(host)) return 'Names below localhost lead to whoever asks: no authority issues for them.'
  if (isPublic && SPECIAL.test(host)) return `No public authority issues for ${host.slice(host.lastIndexOf('.') + 1)} names.`
  return undefined
}

/** Whether apps get certificates without asking: not on a platform that only its own machine can reach. */
export const isOnByDefault = (directory: string | undefined, domain: string) =>
  directory !== undefined && !/(^|\.)localhost$/.test(domain)

/** "The authority acme.example says: …", the one line that `certs`, `doctor` and the stream show. */
export const sentence = (directory: string, { fault, message }: Pick<Refused, 'fault' | 'message'>) =>
  `${fault === 'authority' ? 'The authority' : 'Refused by'} ${new URL(directory).host}: ${message.replace(/\.?$/, '.')}`
