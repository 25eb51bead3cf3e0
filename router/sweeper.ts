/** Something with a deadline. `due` is in milliseconds of `performance.now()`; Infinity while there is none. */
export interface Due {
  due: number
  /** Called at each sweep after `due`, until it changes. */
  overdue(now: number): void
}

/** One timer for all deadlines: moving one costs an assignment, where a timer of its own would cost a list operation per read. */
export class Sweeper {
  #items = new Set<Due>()
  #timer: NodeJS.Timeout | undefined

  constructor(readonly tickMs: number) {}

  add(item: Due): void {
    this.#items.add(item)
    this.#timer ??= setInterval(() => this.#sweep(), this.tickMs)
  }

  delete(item: Due): void {
    this.#items.delete(item)
  }

  get size(): number {
    return this.#items.size
  }

  #sweep(): void {
    const now = performance.now()
    for (const item of this.#items) if (item.due <= now) item.overdue(now)
    if (this.#items.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
