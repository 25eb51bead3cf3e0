import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { webcrypto } from 'node:crypto'
import { Refused, type Authority, type Order } from '../../server/acme/authority.ts'

const DAY_MS = 86_400_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

type Kept = Order & { host: string; isAsked: boolean; csr?: string; polls: number }

/**
 * A certificate authority in memory, with a CA of its own. `reaches` says what it gets for a token; `fail` makes the next calls fail.
 * Certificates live `days`, by the clock it is given.
 */
export function fakeAuthority({
  now,
  reaches,
  days = 90,
}: {
  now: () => Date
  reaches: (token: string) => string | undefined
  days?: number
}) {
  const orders = new Map<string, Kept>()
  const calls: string[] = []
  let failures: Refused[] = []
  let life = days

  function call(text: string): void {
    calls.push(text)
    const failure = failures.shift()
    if (failure) throw failure
  }
  function find(url: string): Kept {
    const order = orders.get(url)
    if (!order) throw new Refused('order', 'no such order')
    return order
  }

  const authority: Authority = {
    async order(host) {
      call(`order ${host}`)
      const url = `https://ca.test/order/${orders.size + 1}`
      const token = `token-${orders.size + 1}`
      const challenge = { url: `${url}/proof`, token, answer: `${token}.thumb` }
      orders.set(url, { url, host, status: 'pending', challenge, reason: undefined, isAsked: false, polls: 0 })
      return url
    },
    async look(url) {
      call('look')
      const order = find(url)
      if (order.status === 'processing' && order.polls++ > 0) order.status = 'valid'
      const { status, challenge, reason } = order
      return { url, status, challenge, reason }
    },
    async ask(challengeUrl) {
      call('ask')
      const order = find(challengeUrl.replace(/\/proof$/, ''))
      const { token, answer } = order.challenge!
      order.status = reaches(token) === answer ? 'ready' : 'invalid'
      if (order.status === 'invalid') order.reason = `${order.host} does not answer (connection)`
    },
    async finalize(url, csr) {
      call('finalize')
      Object.assign(find(url), { csr, status: 'processing' })
    },
    async fetch(url) {
      call('fetch')
      const { csr, host } = find(url)
      return sign(csr!, host, now(), life)
    },
  }
  return {
    authority,
    calls,
    fail: (...next: Refused[]) => void (failures = next),
    forget: () => orders.clear(),
    live: (next: number) => void (life = next),
  }
}

async function sign(csr: string, host: string, at: Date, days: number): Promise<string> {
  x509.cryptoProvider.set(webcrypto as never)
  const request = new x509.Pkcs10CertificateRequest(csr)
  const asked = new x509.SubjectAlternativeNameExtension(request.getExtension('2.5.29.17')!.rawData)
  const names = asked.names.items.map(({ value }) => value)
  if (!(await request.verify()) || names.join() !== host) throw new Error(`a signing request for ${names.join()}, not ${host}`)
  const issuer = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8))).toString('hex').replace(/^./, '1'),
    issuer: 'CN=fake authority',
    notBefore: new Date(Math.floor(at.getTime() / 1000) * 1000),
    notAfter: new Date(Math.floor(at.getTime() / 1000) * 1000 + days * DAY_MS),
    publicKey: await request.publicKey.export(),
    signingKey: issuer.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  }) // prettier-ignore
  return certificate.toString('pem')
}
