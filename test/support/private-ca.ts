import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate of nobody's but its own, for addresses such as "172.17.0.1", with its key. */
export function selfSigned(addresses: readonly string[]): { cert: Buffer; key: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-ca-'))
  try {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name)) as [string, string]
    const names = addresses.map((address) => `IP:${address}`).join(',')
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=dozen test'] // prettier-ignore
    execFileSync('openssl', [...made, '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { cert: readFileSync(cert), key: readFileSync(key) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const REFS = `${'5'.repeat(40)}\trefs/heads/trusted\n`

/** An https server that says "trusted" to who trusts it, to git as the name of its one branch. */
export async function httpsServer(pair: { cert: Buffer; key: Buffer }, host: string) {
  const server = createServer(pair, ({ url = '' }, response) => response.end(url.includes('/info/refs') ? REFS : 'trusted'))
  server.on('tlsClientError', () => {}) // that is what the one that is not trusted is for
  server.on('connection', (socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { url: `https://${host}:${(server.address() as AddressInfo).port}/`, close: () => void server.close() }
}
