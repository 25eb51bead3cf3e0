/** Something with a deadline. `due` is in milliseconds of `performance.now()`; Infinity while there is none. */
export interface Due {
  due: number
  /** Called at each sweep after `due`, until it changes. */
  overdue(now: number): void
}

/**
 * One timer for all deadlines: moving one costs an addition, where a timer of its own would cost a list operation per read, and a look at
 * the clock a system call on some machines.
 */
export class Sweeper {
  #items = new Set<Due>()
  #timer: NodeJS.Timeout | undefined
  #now = 0

  constructor(readonly tickMs: number) {}

  add(item: Due): void {
    this.#items.add(item)
    if (this.#timer) return
    this.#now = performance.now()
    this.#timer = setInterval(() => this.#sweep(), this.tickMs)
  }

  delete(item: Due): void {
    this.#items.delete(item)
  }

  /** A deadline for what was added: not before `ms` from now have passed, though up to two ticks later. */
  in(ms: number): number {
    return this.#now + this.tickMs + ms
  }

  get size(): number {
    return this.#items.size
  }

  #sweep(): void {
    const now = performance.now()
    const late = now - this.#now - this.tickMs
    this.#now = now
    // While this process did not run, nobody could be heard of.
    if (late > this.tickMs) for (const item of this.#items) item.due += late
    for (const item of this.#items) if (item.due <= now) item.overdue(now)
    if (this.#items.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
