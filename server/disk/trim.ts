import type { Clock } from '../clock.ts'
import type { App } from '../apps/app.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import type { LogSink } from '../logs/line.ts'

const PAUSE_MS = 10 * 60_000
/** A dyno that wrote less is not why a disk is full. */
const LEAST_WRITTEN = 256 * 1024 ** 2

type Deps = {
  engine: Pick<Engine, 'usage' | 'removeVolume' | 'kill' | 'pruneBuildCache'>
  clock: Clock
  instance: string
  apps: () => readonly App[]
  isDeploying: (appId: string) => boolean
  /** Packs an app's repository anew and drops what nothing leads to; does nothing where there is little to gain. */
  packRepository: (appId: string) => Promise<void>
  logs: LogSink
  freeBytes: () => Promise<number>
  /** `buildKitBytes` absent: its cache is everybody's, and left alone. */
  limits: { cacheBytes: number; reserveBytes: number; buildKitBytes?: number | undefined }
}

export const mebi = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`

/** Caps what grows: build caches, repositories, and, when the disk runs full, the dyno that filled it. Nothing without our label is touched. */
export function trim({ engine, clock, instance, apps, isDeploying, packRepository, logs, freeBytes, limits }: Deps) {
  let last = clock.now().getTime()

  async function dropCaches(): Promise<void> {
    const { volumes, buildCache } = await engine.usage()
    if (limits.buildKitBytes !== undefined && buildCache > limits.buildKitBytes) await engine.pruneBuildCache(limits.buildKitBytes)
    for (const { name, labels, bytes } of volumes) {
      const appId = labels[LABEL.app] ?? ''
      if (labels[LABEL.instance] !== instance || labels[LABEL.role] !== 'cache' || bytes <= limits.cacheBytes || isDeploying(appId)) continue
      await engine.removeVolume(name).then(
        () => logs.publish({ appId, source: 'dozen', dyno: 'build', text: `The build cache had ${mebi(bytes)}, more than ${mebi(limits.cacheBytes)} (DOZEN_CACHE_LIMIT), and was emptied` }),
        () => {}, // a build container holds it: later
      )
    }
  }

  return {
    /** Every ten minutes at most. */
    async caps(): Promise<void> {
      const now = clock.now().getTime()
      if (Math.abs(now - last) < PAUSE_MS) return
      last = now
      await dropCaches()
      for (const { id } of apps()) if (!isDeploying(id)) await packRepository(id)
    },
    /** While less than the reserve is free: ends the dyno that wrote most. It starts anew, and its disk is empty then. */
    async guard(): Promise<void> {
      if ((await freeBytes()) >= limits.reserveBytes) return
      const { containers } = await engine.usage()
      const ours = containers.filter(({ labels }) => labels[LABEL.instance] === instance && labels[LABEL.app] !== undefined)
      const [most] = ours.toSorted((a, b) => b.writable - a.writable)
      if (!most || most.writable < LEAST_WRITTEN) return
      const { [LABEL.app]: appId = '', [LABEL.type]: type = 'run', [LABEL.ordinal]: ordinal = '1' } = most.labels
      const text = `Stopping process: less than ${mebi(limits.reserveBytes)} are free on the disk (DOZEN_DISK_RESERVE), and this dyno has written ${mebi(most.writable)}`
      logs.publish({ appId, source: 'dozen', dyno: `${type}.${ordinal}`, text })
      await engine.kill(most.id, 'SIGKILL')
    },
  }
} // prettier-ignore
