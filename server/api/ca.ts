import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

const RENEW_DAYS = 30
const DAY_MS = 86_400_000

export type Pair = { cert: string; key: string }

/** The installation's own CA, and a certificate for the API signed by it, both made once and renewed in time. Keys are 0600. */
export async function apiCertificate(folder: string, hosts: readonly string[], now: Date): Promise<Pair> {
  const [ca, kept] = [readPair(folder, 'ca'), readPair(folder, 'api')]
  if (ca && kept && isGood(kept.cert, ca.cert, hosts, now)) return kept
  const { makeCa, makeServer } = await import('./issue.ts') // what it needs takes as long to load as all the rest
  return makeServer(folder, ca ?? (await makeCa(folder, now)), hosts, now)
}

function isGood(pem: string, caPem: string, hosts: readonly string[], now: Date): boolean {
  const cert = new X509Certificate(pem)
  const isFor = (host: string) => (isIP(host) ? cert.checkIP(host) : cert.checkHost(host, { wildcards: false })) !== undefined
  const daysLeft = (Date.parse(cert.validTo) - now.getTime()) / DAY_MS
  return cert.checkIssued(new X509Certificate(caPem)) && daysLeft > RENEW_DAYS && hosts.every(isFor)
}

function readPair(folder: string, name: string): Pair | undefined {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  return existsSync(cert) && existsSync(key) ? { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } : undefined
}
