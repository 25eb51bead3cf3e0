import { isIP } from 'node:net'
import type { networkInterfaces } from 'node:os'

const LOOPBACK = ['localhost', '127.0.0.1', '::1']
/** Interfaces of container networks, which come and go, and lead to containers. */
const PASSING = /^(lo$|br-|docker|veth|virbr|cni|podman)/
const NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/

type Machine = { interfaces: ReturnType<typeof networkInterfaces>; hostname: string }

/**
 * Under which names and addresses the API may be called: its own one, and, where it listens on all addresses, those that the machine has and the
 * name that it goes by. Nothing that another site could make its own name lead to (DNS rebinding, ABUSE 65).
 */
export function ownNames(apiHost: string, { interfaces, hostname }: Machine): string[] {
  const host = apiHost.toLowerCase()
  if (host !== '0.0.0.0' && host !== '::') return [...new Set([...LOOPBACK, host])]
  const addresses = Object.entries(interfaces).flatMap(([name, all]) => (PASSING.test(name) ? [] : (all ?? [])))
  const usable = addresses.filter(({ address, internal }) => !internal && !/^fe80:/i.test(address))
  const name = hostname.toLowerCase()
  return [...new Set([...LOOPBACK, ...usable.map(({ address }) => address.toLowerCase()), ...(NAME.test(name) ? [name] : [])])]
}

/** As it stands in a Host header: "[::1]". */
export const inHeader = (name: string) => (isIP(name) === 6 ? `[${name}]` : name)
