import type { Usage } from './routes.ts'

/** Requests of one app that begin at once within one turn; those beyond it let everything else that waits go first. */
const STARTS = 8
const TURN_MS = 0.5
/** An app is alone when no other one had a request for so long. It is never held back. */
const ALONE_MS = 10_000

/** Keeps a flood to one app from making the loop's every round long for all others: fair by app, not by connection. */
export class Turns {
  #queues = new Map<Usage, (() => void)[]>()
  #isDue = false
  #last: Usage | undefined
  #sharedUntil = -Infinity

  /** Whether a request may begin at `now`; if not, it has to `wait`. */
  isFree(usage: Usage, now: number): boolean {
    if (usage !== this.#last) {
      if (this.#last !== undefined) this.#sharedUntil = now + ALONE_MS
      this.#last = usage
    }
    if (now > this.#sharedUntil) return true
    if (now - usage.turnAt > TURN_MS) {
      usage.turnAt = now
      usage.starts = 0
    }
    if (this.#queues.size > 0 && this.#queues.has(usage)) return false
    usage.starts += 1
    return usage.starts <= STARTS
  }

  /** Calls `go` in one of the loop's next rounds; in order. */
  wait(usage: Usage, go: () => void): void {
    const queue = this.#queues.get(usage)
    if (queue) queue.push(go)
    else this.#queues.set(usage, [go])
    if (!this.#isDue) setImmediate(() => this.#next())
    this.#isDue = true
  }

  #next(): void {
    for (const [usage, queue] of this.#queues) {
      const some = queue.splice(0, STARTS)
      if (queue.length === 0) this.#queues.delete(usage)
      for (const go of some) go()
    }
    this.#isDue = this.#queues.size > 0
    if (this.#isDue) setImmediate(() => this.#next())
  }
}
