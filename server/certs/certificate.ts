import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { invalid } from '../errors.ts'

/** What a certificate says of itself. */
export type Certificate = {
  hosts: string[]
  startsAt: Date
  expiresAt: Date
  issuer: string
  subject: string
  isSelfSigned: boolean
}

const MAX_CHARS = 100_000
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** The leaf of a PEM chain. Throws invalid_params. */
export function readChain(chain: unknown): X509Certificate {
  const [leaf] = typeof chain === 'string' && chain.length <= MAX_CHARS ? (chain.match(BLOCK) ?? []) : []
  if (!leaf) throw invalid('certificate_chain should be PEM: the certificate first, then the intermediate ones.')
  try {
    return new X509Certificate(leaf)
  } catch {
    throw invalid('The certificate cannot be read. Is it PEM, and whole?')
  }
}

/** Throws invalid_params unless the key belongs to the certificate, which is still good at `now`. */
export function checkPair(chain: unknown, key: unknown, now: Date): void {
  const certificate = readChain(chain)
  let parsed: KeyObject
  try {
    parsed = createPrivateKey(String(key))
  } catch {
    throw invalid('private_key should be a PEM private key without a passphrase.')
  }
  if (!certificate.checkPrivateKey(parsed)) throw invalid('The private key does not belong to the certificate.')
  if (new Date(certificate.validTo) <= now) throw invalid(`The certificate expired on ${certificate.validTo}. Get a new one.`)
  if (described(certificate).hosts.length === 0) throw invalid('The certificate names no host (subjectAltName).')
}

export function described(certificate: X509Certificate): Certificate {
  const names = certificate.subjectAltName?.split(', ').flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : [])) ?? []
  return {
    hosts: names.map((name) => name.toLowerCase()),
    startsAt: new Date(certificate.validFrom),
    expiresAt: new Date(certificate.validTo),
    issuer: oneLine(certificate.issuer),
    subject: oneLine(certificate.subject),
    isSelfSigned: certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  }
}

/** Authorities leave the subject out these days: Node then has undefined, whatever its types say. */
const oneLine = (name: string | undefined) => (name ?? '').replaceAll('\n', ', ')

/** Names in a certificate that cover a host. RFC 6125 §6.4.3: "*" stands for one whole label; a wildcard is covered by the same one only. */
export const namesFor = (host: string) => (host.startsWith('*') ? [host] : [host, host.replace(/^[^.]+/, '*')])
export const covers = (hosts: readonly string[], host: string) => namesFor(host).some((name) => hosts.includes(name))
