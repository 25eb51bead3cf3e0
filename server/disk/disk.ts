import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import { EngineError, type Engine } from '../engine/port.ts'
import { expendable } from './retention.ts'

type Deps = {
  engine: Pick<Engine, 'images' | 'removeImage'>
  clock: Clock
  instance: string
  keptImages: () => ReadonlySet<string>
  releasedImages: () => ReadonlySet<string>
  isDeploying: (appId: string) => boolean
}

/** Keeps what the platform puts on the engine's disk within its bounds. Only what carries this instance's label is ever removed. */
export function pruning({ engine, clock, instance, keptImages, releasedImages, isDeploying }: Deps) {
  return {
    /**
     * Removes the images that no rollback can reach. An image that a container still uses stays until a later call. Returns how many went;
     * a crash in the middle costs nothing, the next call goes on.
     */
    async prune(): Promise<number> {
      const images = await engine.images({ [LABEL.instance]: instance, [LABEL.role]: 'image' })
      const ledger = { kept: keptImages(), released: releasedImages(), isBusy: isDeploying }
      let removed = 0
      for (const { id } of expendable(images, ledger, clock.now().getTime())) {
        if (keptImages().has(id)) continue // a rollback took it up meanwhile
        removed += await engine.removeImage(id).then(() => 1, inUse)
      }
      return removed
    },
  }
}

function inUse(cause: unknown): 0 {
  if (cause instanceof EngineError && cause.code === 'other') return 0
  throw cause
}
