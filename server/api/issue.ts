import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Pair } from './ca.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const CA_DAYS = 3650
const SERVER_DAYS = 397 // longer ones are refused by common clients
const DAY_MS = 86_400_000
x509.cryptoProvider.set(webcrypto as never)

/** A certification authority of this installation, written to `folder`. */
export async function makeCa(folder: string, now: Date): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=dozen local CA ${now.toISOString().slice(0, 10)} ${serial().slice(0, 8)}`,
    serialNumber: serial(),
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + CA_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return writePair(folder, 'ca', cert, keys)
}

/** A certificate for `hosts` by that authority, written to `folder`. */
export async function makeServer(folder: string, ca: Pair, hosts: readonly string[], now: Date): Promise<Pair> {
  const issuer = new x509.X509Certificate(ca.cert)
  const signingKey = await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(ca.key), ALGORITHM, false, ['sign'])
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const cert = await x509.X509CertificateGenerator.create({
    subject: 'CN=dozen API',
    issuer: issuer.subject,
    serialNumber: serial(),
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + SERVER_DAYS * DAY_MS),
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return writePair(folder, 'api', cert, keys)
}

const serial = () => Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))).toString('hex').replace(/^[89a-f]/, '1') // prettier-ignore

/** Key first: a crash in between leaves no certificate without its key. */
async function writePair(folder: string, name: string, cert: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Pair> {
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  const pair = { cert: `${cert.toString('pem')}\n`, key: `${key}\n` }
  for (const [file, text, mode] of [
    [`${name}.key`, pair.key, 0o600],
    [`${name}.pem`, pair.cert, 0o644],
  ] as const) {
    // prettier-ignore
    writeFileSync(join(folder, `${file}.tmp`), text, { mode })
    renameSync(join(folder, `${file}.tmp`), join(folder, file))
  }
  return pair
}
