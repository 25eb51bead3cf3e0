/** Proves to the authority that the name leads to us: it asks the router for `token` and must get `answer` (RFC 8555 section 8.3). */
export type Challenge = { url: string; token: string; answer: string }
export type Order = {
  url: string
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid'
  /** What is left to prove while it is pending; undefined = the authority is not through with it, or offers none by HTTP. */
  challenge: Challenge | undefined
  /** Why it is invalid, in the authority's words. */
  reason: string | undefined
}

/**
 * A certificate authority. Each call is one step, safe to repeat after a crash (a repeated `order` makes another order). All of them throw
 * Refused; any other error is a bug.
 */
export interface Authority {
  /** For one host name. Returns the order's address. */
  order(host: string): Promise<string>
  look(url: string): Promise<Order>
  /** Have it look for the challenge's answer. */
  ask(challengeUrl: string): Promise<void>
  /** Of an order that is ready. `csr` is PEM. */
  finalize(url: string, csr: string): Promise<void>
  /** The PEM chain of a valid order. */
  fetch(url: string): Promise<string>
}

/**
 * Why a step failed, and whose fault it was: `name` = this name's; `rate` = too much was asked for; `order` = the authority knows the order
 * no more; `authority` = it cannot be reached, or does not work. The message is one line.
 */
export class Refused extends Error {
  override readonly name = 'Refused'
  constructor(
    readonly fault: 'name' | 'rate' | 'order' | 'authority',
    message: string,
    readonly retryAfterMs = 0,
  ) {
    super(message.replace(/\s+/g, ' ').trim().slice(0, 500))
  }
}
