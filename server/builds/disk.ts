import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

const RESERVE_BYTES = 1024 ** 3
const LOOK_MS = 2000
/** Where Docker keeps images unless told otherwise; on machines where that cannot be seen there is no guard. */
const DATA_ROOT = '/var/lib/docker'

const freeBytes = () =>
  statfs(DATA_ROOT).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Infinity,
  )

/** Rejects AppError build_failed as soon as less than 1 GiB is free for images; never resolves. Ends when `signal` aborts. */
export async function diskGuard(clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    const free = await freeBytes()
    if (free < RESERVE_BYTES)
      throw new AppError('build_failed', `Less than 1 GiB is free on the engine's disk (${DATA_ROOT}), so the build was stopped. Remove unused images with \`docker image prune -a\`, or make the app's build smaller.`) // prettier-ignore
    await clock.sleep(LOOK_MS, signal)
  }
}
