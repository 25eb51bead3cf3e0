import { createHash } from 'node:crypto'

type State = { keys: string; since: number }

/**
 * The keys of TLS session tickets. Every process of the router has the same ones at the same time, without being told: after `periodMs` they
 * are replaced by their hash, from which there is no way back. Kept in memory only.
 */
export class Tickets {
  #keys: Buffer
  #since: number
  constructor(
    /** 48 bytes, as Node wants them. */
    keys: Buffer,
    /** Epoch milliseconds at which these began. */
    since: number,
    private readonly periodMs: number,
  ) {
    this.#keys = keys
    this.#since = since
  }

  static from({ keys, since }: State, periodMs: number): Tickets {
    return new Tickets(Buffer.from(keys, 'base64'), since, periodMs)
  }

  /** The same object until the next change. */
  current(now: number): Buffer {
    // A clock that jumped years ahead changes them once per period all the same: a few thousand hashes.
    while (now - this.#since >= this.periodMs) {
      this.#keys = createHash('sha384').update('dozen session tickets').update(this.#keys).digest()
      this.#since += this.periodMs
    }
    return this.#keys
  }

  /** For another process. */
  get state(): State {
    return { keys: this.#keys.toString('base64'), since: this.#since }
  }
}
