/** Who reads on when its turn has come. */
export interface BulkReader {
  readOn(): void
}

/** Readers that go on in one round of the loop, each with one buffer of 64 KiB. */
const AT_ONCE = 8

/**
 * Those who just filled a whole buffer and may have much more. A few go on in each of the loop's rounds, in order: however many large answers
 * there are, a round stays short for everybody else. libuv accepts one connection in a round, so that clients would wait for many long ones.
 */
export class Bulk {
  #waiting: BulkReader[] = []

  /** Calls `readOn` in one of the next rounds. */
  wait(reader: BulkReader): void {
    if (this.#waiting.push(reader) === 1) setImmediate(this.#next)
  }

  #next = (): void => {
    for (const reader of this.#waiting.splice(0, AT_ONCE)) reader.readOn()
    if (this.#waiting.length > 0) setImmediate(this.#next)
  }
}
