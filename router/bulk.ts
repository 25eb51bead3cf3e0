/** Who reads on when its turn has come. */
export interface BulkReader {
  readOn(): void
}

/** Readers that go on in one round of the loop, each with one buffer of 64 KiB … */
const AT_ONCE = 8
/** … and in one that accepted a connection. */
const AT_ARRIVAL = 1

/**
 * Those who just filled a whole buffer and may have much more. A few go on in each of the loop's rounds, in order: however many large answers
 * there are, a round stays short for everybody else. libuv accepts one connection in a round: while some come, rounds are shorter still.
 */
export class Bulk {
  #waiting: BulkReader[] = []
  #hasArrival = false
  #isDue = false

  /** Calls `readOn` in one of the next rounds. */
  wait(reader: BulkReader): void {
    this.#waiting.push(reader)
    if (!this.#isDue) setImmediate(this.#next)
    this.#isDue = true
  }

  /** A connection was accepted; more of them may wait. */
  arrived(): void {
    this.#hasArrival = true
  }

  #next = (): void => {
    const some = this.#waiting.splice(0, this.#hasArrival ? AT_ARRIVAL : AT_ONCE)
    this.#hasArrival = false
    for (const reader of some) reader.readOn()
    this.#isDue = this.#waiting.length > 0
    if (this.#isDue) setImmediate(this.#next)
  }
}
