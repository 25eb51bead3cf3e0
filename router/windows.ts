import type { SwitchCost } from '../server/api/wire.ts'

/** How one request ended, as far as a switch is concerned. `isDrained`: well, on a target that no table names any more. */
export type Outcome = { appId: string; failed: boolean; cut: boolean; isDrained: boolean; waitMs: number }

/** Windows that measure what a switch costs an app's visitors, until they are ended. */
export class Windows {
  #open = new Map<string, { app: string; cost: SwitchCost }>()

  /** Starting one that is open already starts it anew. */
  start(id: string, app: string): void {
    this.#open.set(id, { app, cost: { served: 0, failed: 0, longestWaitMs: 0, drained: 0, cut: 0 } })
  }

  /** Undefined when there is none, e.g. because the router restarted meanwhile. */
  end(id: string): SwitchCost | undefined {
    const window = this.#open.get(id)
    this.#open.delete(id)
    return window?.cost
  }

  get isNone(): boolean {
    return this.#open.size === 0
  }

  count({ appId, failed, cut, isDrained, waitMs }: Outcome): void {
    for (const { app, cost } of this.#open.values()) {
      if (app !== appId) continue
      if (failed || cut) cost.failed += 1
      else cost.served += 1
      if (cut) cost.cut += 1
      if (isDrained) cost.drained += 1
      cost.longestWaitMs = Math.max(cost.longestWaitMs, Math.round(waitMs))
    }
  }
}
