import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { EngineError, type Engine, type Usage } from '../engine/port.ts'
import { pruning } from './disk.ts'
import { mebi, trim } from './trim.ts'
import { diskUsage } from './usage.ts'

type Deps = Parameters<typeof pruning>[0] &
  Omit<Parameters<typeof trim>[0], 'freeBytes'> &
  Omit<Parameters<typeof diskUsage>[0], 'isKept' | 'reserveBytes'>

const TRIES = 60
const PAUSE_MS = 500

/** The disk as a whole: who uses it, what may go, what is cut back. */
export function disk(deps: Deps) {
  const freeBytes = () => statfs(deps.reposFolder).then(({ bavail, bsize }) => bavail * bsize)
  const isKept = (image: string) => deps.keptImages().has(image)
  const engine = { ...deps.engine, usage: () => usage(deps) }
  return {
    /** Throws unavailable when less than the reserve is free. */
    async checkRoom(): Promise<void> {
      const [free, { reserveBytes }] = [await freeBytes(), deps.limits]
      if (free < reserveBytes)
        throw new AppError('unavailable', `Only ${mebi(free)} are free on the disk of dozen, less than the reserve of ${mebi(reserveBytes)} (DOZEN_DISK_RESERVE): free some first.`) // prettier-ignore
    },
    ...pruning(deps),
    ...trim({ ...deps, engine, freeBytes }),
    usage: diskUsage({ ...deps, engine, isKept, reserveBytes: deps.limits.reserveBytes }),
  }
}

/** The engine counts for one at a time, of whatever program, and refuses the others meanwhile. */
async function usage({ engine, clock }: { engine: Pick<Engine, 'usage'>; clock: Clock }): Promise<Usage> {
  for (let tries = 1; ; tries++) {
    try {
      return await engine.usage()
    } catch (cause) {
      if (tries >= TRIES || !(cause instanceof EngineError) || !/already running/.test(cause.message)) throw cause
      await clock.sleep(PAUSE_MS)
    }
  }
}
