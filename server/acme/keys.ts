import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A new private key, PEM. */
export const makeKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** The account's key: made once, 0600, and kept, whatever becomes of the account. */
export function accountKey(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  }
  writeFileSync(`${path}.tmp`, makeKey(), { mode: 0o600 })
  renameSync(`${path}.tmp`, path)
  return readFileSync(path, 'utf8')
}

/** A signing request for one host name, PEM. Without a common name: that one ends at 64 characters (RFC 5280), host names do not. */
export async function signingRequest(host: string, keyPem: string): Promise<string> {
  x509.cryptoProvider.set(webcrypto as never)
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' })
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    signingAlgorithm: ALGORITHM,
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(keyPem), ALGORITHM, false, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
    },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  })
  return request.toString('pem')
}
