import { statfs } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

const LOOK_MS = 2000
/** Where Docker keeps images unless told otherwise; on machines where that cannot be seen there is no guard. */
const DATA_ROOT = '/var/lib/docker'

const freeBytes = () =>
  statfs(DATA_ROOT).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Infinity,
  )

/** Before a build begins: throws AppError build_failed when less than the reserve is free for images. */
export async function checkDisk(reserveBytes: number, free = freeBytes): Promise<void> {
  const bytes = await free()
  if (bytes < reserveBytes) throw shortage(bytes, reserveBytes, 'so no build can begin')
}

/** Rejects AppError build_failed as soon as less than the reserve is free for images; never resolves. Ends when `signal` aborts. */
export async function diskGuard(clock: Clock, reserveBytes: number, signal: AbortSignal): Promise<never> {
  for (;;) {
    await clock.sleep(LOOK_MS, signal)
    const bytes = await freeBytes()
    if (bytes < reserveBytes) throw shortage(bytes, reserveBytes, 'so the build was stopped')
  }
}

const shortage = (free: number, reserve: number, what: string) =>
  new AppError('build_failed', `Only ${mebi(free)} MiB are free on the engine's disk (${DATA_ROOT}), less than the reserve of ${mebi(reserve)} MiB (DOZEN_DISK_RESERVE), ${what}. Remove unused images with \`docker image prune -a\`, or make the app's build smaller.`) // prettier-ignore
const mebi = (bytes: number) => Math.round(bytes / 1024 ** 2)
