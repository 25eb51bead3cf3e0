import type { RouteTable, WakeList } from '../server/api/wire.ts'

type Waiter = { tell: () => void }
const REPEAT_MS = 1_000

/** Apps that somebody visits while they sleep, for the controller to wake. In the main process; level-triggered: wanted until the table says otherwise. */
export class Wakes {
  #wanted = new Map<string, { number: number; at: number }>()
  #asleep = new Set<string>()
  #waiters = new Set<Waiter>()
  #last = 0

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Said again by later visitors, in case that the first word was lost. */
  want(app: string): void {
    const known = this.#wanted.get(app)
    if (!this.#asleep.has(app) || (known && this.now() - known.at < REPEAT_MS)) return
    this.#wanted.set(app, { number: ++this.#last, at: this.now() })
    for (const waiter of this.#waiters) waiter.tell()
  }

  /** What does not sleep any more needs no waking. */
  settle({ apps }: RouteTable): void {
    this.#asleep = new Set(apps.filter(({ state }) => state === 'asleep').map(({ id }) => id))
    for (const app of this.#wanted.keys()) if (!this.#asleep.has(app)) this.#wanted.delete(app)
  }

  /**
   * All that are wanted, once one is that came after number `after`, at the latest after `ms`. A number of an earlier router's is higher
   * than any here: then all count as new.
   */
  next(after: number, ms: number): Promise<WakeList> {
    const from = after > this.#last ? 0 : after
    if ([...this.#wanted.values()].some(({ number }) => number > from)) return Promise.resolve(this.#list())
    return new Promise((resolve) => {
      const tell = () => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
        resolve(this.#list())
      }
      const waiter = { tell }
      const timer = setTimeout(tell, ms)
      this.#waiters.add(waiter)
    })
  }

  /** Answers whoever waits: this router stops, another one takes over. */
  close(): void {
    for (const waiter of [...this.#waiters]) waiter.tell()
  }

  #list = (): WakeList => ({ seq: this.#last, apps: [...this.#wanted.keys()] })
}
