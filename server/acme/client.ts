import * as acme from 'acme-client'
import { Refused, type Authority, type Challenge, type Order } from './authority.ts'
import { transport } from './transport.ts'

type Options = {
  /** Address of the authority's directory. */
  directory: string
  /** PEM of the account's private key. */
  accountKey: string
  /** Where the authority writes to when something is wrong with a certificate. */
  email: string | undefined
  /** Ties the account to one that the authority knows already. */
  binding: { kid: string; hmacKey: string } | undefined
  /** PEM of the CA that signed the directory's own certificate, when it is none of the public ones. */
  ca: string | undefined
  /** The account's address there, kept over restarts. */
  account: { url(): string | null; keep(url: string | null): void }
}

/** An authority by RFC 8555. The account is made at the first step that needs one; making it accepts the authority's terms of service. */
export function acmeAuthority({ directory, accountKey, email, binding, ca, account }: Options): Authority {
  // The library has one axios for all clients; ours is its only user.
  acme.axios.defaults.adapter = transport(ca) as never
  let known: Promise<acme.Client> | undefined

  async function open(): Promise<acme.Client> {
    const accountUrl = account.url()
    const client = new acme.Client({
      directoryUrl: directory, accountKey, ...(accountUrl && { accountUrl }), ...(binding && { externalAccountBinding: binding }),
    }) // prettier-ignore
    if (!accountUrl) {
      await client.createAccount({ termsOfServiceAgreed: true, ...(email && { contact: [`mailto:${email}`] }) })
      account.keep(client.getAccountUrl())
    }
    return client
  }

  /** One step with the account; an account that the authority has forgotten is made anew the next time. */
  async function by<T>(step: (client: acme.Client) => Promise<T>): Promise<T> {
    try {
      return await step(await (known ??= open()))
    } catch (cause) {
      if (!(cause instanceof Refused) || cause.fault === 'authority') known = undefined
      if (cause instanceof Refused && cause.message.includes('(accountDoesNotExist)')) account.keep(null)
      throw cause instanceof Refused ? cause : new Refused('authority', cause instanceof Error ? cause.message : String(cause))
    }
  }

  const orderAt = (client: acme.Client, url: string) => client.getOrder({ url } as acme.Order)

  async function look(client: acme.Client, url: string): Promise<Order> {
    const order = await orderAt(client, url)
    const isOpen = order.status === 'pending' || order.status === 'invalid'
    const [proof] = isOpen ? await client.getAuthorizations(order) : []
    const http = proof?.challenges.find(({ type }) => type === 'http-01')
    return {
      url,
      status: order.status,
      challenge: proof?.status === 'pending' && http ? await challengeOf(client, http) : undefined,
      reason: reasonOf(http?.error) ?? reasonOf((order as { error?: object }).error) ?? reasonOf(proof && { detail: `its proof is ${proof.status}` }),
    } // prettier-ignore
  }

  return {
    order: (host) => by(async (client) => (await client.createOrder({ identifiers: [{ type: 'dns', value: host }] })).url),
    look: (url) => by((client) => look(client, url)),
    ask: (url) => by(async (client) => void (await client.completeChallenge({ url } as never))),
    finalize: (url, csr) => by(async (client) => void (await client.finalizeOrder(await orderAt(client, url), csr))),
    fetch: (url) => by(async (client) => client.getCertificate(await orderAt(client, url))),
  }
}

async function challengeOf(client: acme.Client, http: { url: string; token: string }): Promise<Challenge> {
  // RFC 8555 section 8.1: base64url; anything else has no place in a table of paths.
  if (!/^[A-Za-z0-9_-]{1,256}$/.test(http.token)) throw new Refused('authority', 'its token is none')
  return { url: http.url, token: http.token, answer: await client.getChallengeKeyAuthorization(http as never) }
}

function reasonOf(problem: object | undefined): string | undefined {
  const { detail, type } = (problem ?? {}) as { detail?: unknown; type?: unknown }
  if (typeof detail !== 'string' || detail === '') return undefined
  const kind = typeof type === 'string' ? type.split(':').at(-1) : undefined
  return kind ? `${detail} (${kind})` : detail
}
