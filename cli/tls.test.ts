import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttps, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls, type Server as TlsServer } from 'node:tls'
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { typed } from './support/fixed-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'dozen-cli-'))
const caPath = join(folder, 'ca.pem')
let api: Server
let dyno: TlsServer
let url = ''

/** A certificate for 127.0.0.1, signed by a CA made for it. */
async function certify() {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const [caKeys, keys] = await Promise.all(
    [1, 2].map(
      () => webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>,
    ),
  )
  const ca = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=a CA', keys: caKeys!, signingAlgorithm, extensions: [new BasicConstraintsExtension(true)] },
    webcrypto as never,
  )
  const leaf = await X509CertificateGenerator.create(
    {
      subject: 'CN=127.0.0.1',
      issuer: ca.subject,
      publicKey: keys!.publicKey,
      signingKey: caKeys!.privateKey,
      signingAlgorithm,
      extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
    },
    webcrypto as never,
  )
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys!.privateKey), 'PRIVATE KEY')
  return { ca: ca.toString('pem'), cert: leaf.toString('pem'), key }
}

const listen = async (server: Server | TlsServer) => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

beforeAll(async () => {
  const { ca, cert, key } = await certify()
  writeFileSync(caPath, ca)
  dyno = createTls({ cert, key, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', (line) => {
      socket.write('rendezvous\r\n')
      socket.end(`${String(line).trim()}\n\uFFFF heroku-command-exit-status: 4\r\n`)
    })
  })
  const port = await listen(dyno)
  api = createHttps({ cert, key }, (request, response) => {
    const body =
      request.method === 'POST'
        ? { name: 'run.1', attach_url: `rendezvous://127.0.0.1:${port}/s3cret?x=1` }
        : { email: 'me@example.com' }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  })
  url = `https://127.0.0.1:${await listen(api)}`
})
afterAll(() => {
  api.close()
  dyno.close()
  rmSync(folder, { recursive: true })
})

it("trusts the installation's CA, for requests and for `run`", async () => {
  const env = { DOZEN_URL: url, DOZEN_CA: caPath, DOZEN_APP: 'shop' }
  expect(await typed(['whoami'], { env })).toEqual({ code: 0, stdout: 'me@example.com\n', stderr: '' })
  expect(await typed(['run', 'x'], { env })).toEqual({ code: 4, stdout: 's3cret?x=1\n', stderr: '' })
})

it('refuses a certificate of anyone else, and says what to set', async () => {
  const { code, stderr } = await typed(['whoami'], { env: { DOZEN_URL: url } })
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^Error: Couldn't reach dozen at https:\/\/127\.0\.0\.1:\d+: its certificate: .*\nSet DOZEN_CA to the file/,
  )
})
