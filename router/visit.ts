import type { Gate, Refusal } from './gate.ts'
import type { AppRoute } from './routes.ts'
import type { Turns } from './turns.ts'

/** Who waits to be let in. */
export interface Entrant {
  /** With a refusal, or to go on. */
  decided(refusal?: Refusal): void
}

/** A request's stay with an app, from the moment that it is counted there until `leave`. */
export class Visit {
  #isInside = false
  #isOver = false

  constructor(
    private readonly app: AppRoute,
    private readonly gate: Gate,
    private readonly turns: Turns,
    private readonly entrant: Entrant,
  ) {
    app.usage.inflight += 1
  }

  /**
   * True when the app's limits let it in at once, and others have no better right to this turn. Else the entrant hears of it, maybe
   * before this returns.
   */
  enter(now: number): boolean {
    return this.#isLetIn() && this.#isOnTurn(now)
  }

  #isOnTurn(now: number): boolean {
    const { usage } = this.app
    if (this.turns.isFree(usage, now)) return true
    this.turns.wait(usage, () => this.#isOver || this.entrant.decided())
    return false
  }

  #isLetIn(): boolean {
    if (this.app.rules === undefined) return true
    let isNow = true
    this.gate.enter(this.app, (refusal) => {
      if (this.#isOver) return void (refusal ?? this.gate.leave(this.app))
      this.#isInside = refusal === undefined
      if (refusal || !isNow) this.entrant.decided(refusal)
    })
    isNow = false
    return this.#isInside
  }

  leave(now: number): void {
    this.#isOver = true
    this.app.usage.inflight -= 1
    this.app.usage.at = now
    if (this.#isInside) this.gate.leave(this.app)
  }
}
