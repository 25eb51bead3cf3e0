import { LABEL } from '../engine/labels.ts'
import type { Clock } from '../clock.ts'
import type { Attached, Engine } from '../engine/port.ts'
import type { Stack, StackImages } from '../stack/stack.ts'

export const MAX_PIDS = 4096
const TMP_BYTES = '4g'
/** A container that no push has asked for goes after so long. */
const UNUSED_MS = 20_000

export type BuildContainer = { id: string; attached: Attached; imagesDigest: string }
type Deps = { engine: Engine; stack: Stack; instance: string; clock: Clock; memoryBytes: number }

/**
 * Build containers: started, attached and waiting for their input. Starting one is a third of a small build, so it begins when a push
 * is announced, while git still negotiates, and once more after a build: who pushes often pushes again at once.
 */
export function buildContainers({ engine, stack, instance, clock, memoryBytes }: Deps) {
  const prepared = new Map<string, Promise<BuildContainer>>()
  /** What the app's last build here used: only apps that build by buildpacks are worth it. */
  const lastUsed = new Map<string, StackImages>()
  /** The first buildpack of its last build here: its program waits ready in the next container. */
  const lastBuildpack = new Map<string, string>()
  let made = 0
  const cacheOf = (appId: string) => `dozen-${instance}-cache-${appId}`
  const network = () =>
    engine.ensureNetwork({
      name: `dozen-${instance}-build`,
      labels: { [LABEL.instance]: instance, [LABEL.role]: 'network' },
      isolated: true,
    })

  async function start(appId: string, images: StackImages): Promise<BuildContainer> {
    const labels = { [LABEL.instance]: instance, [LABEL.app]: appId }
    const [cache, networkName, registry] = await Promise.all([
      engine.ensureVolume({ name: cacheOf(appId), labels: { ...labels, [LABEL.role]: 'cache' } }),
      network(),
      stack.registry(),
    ])
    const id = await engine.create({
      name: `dozen-${instance}-build-${appId}-${clock.now().getTime().toString(36)}-${++made}`,
      image: images.id,
      entrypoint: [],
      cmd: ['/opt/dozen/build'],
      env: {
        STACK: images.name,
        HOME: '/app',
        ...(registry && { NPM_CONFIG_REGISTRY: registry }),
        LAST_BUILDPACK: lastBuildpack.get(appId) ?? '',
      },
      labels: { [LABEL.instance]: instance, [LABEL.role]: 'build', [LABEL.buildOf]: appId },
      network: networkName,
      user: 'app',
      openStdin: true,
      isUnlogged: true,
      memoryBytes,
      pids: MAX_PIDS,
      capabilities: [],
      tmpfs: { '/tmp': `size=${TMP_BYTES},mode=1777,exec` },
      volumes: [{ name: cache, path: '/cache' }],
    })
    try {
      const attached = await engine.attach(id)
      await engine.start(id)
      return { id, attached, imagesDigest: images.digest }
    } catch (cause) {
      await engine.remove(id).catch(() => {})
      throw cause
    }
  }

  /** Removes a prepared one, unless a build has taken it. */
  async function discard(appId: string, only = prepared.get(appId)): Promise<void> {
    if (!only || prepared.get(appId) !== only) return
    prepared.delete(appId)
    const container = await only.catch(() => undefined)
    container?.attached.close()
    if (container) await engine.remove(container.id).catch(() => {}) // else removeLeftovers does
  }

  return {
    /** None is held ready. */
    isIdle: () => prepared.size === 0,
    memoryBytes,
    /** Ours for builds. */
    network,
    discard,
    /** What an app was built by. */
    remember: (appId: string, buildpacks: readonly string[]) => void lastBuildpack.set(appId, buildpacks[0] ?? ''),
    /** Empties the app's build cache. Rejects EngineError while a build uses it. */
    async dropCache(appId: string): Promise<void> {
      await discard(appId)
      await engine.removeVolume(cacheOf(appId))
    },
    /** A push is coming. Does nothing for an app that has not been built here yet, or when one is ready. */
    prepare(appId: string, forMs = UNUSED_MS) {
      const images = lastUsed.get(appId)
      if (!images || prepared.has(appId)) return
      const starting = start(appId, images)
      prepared.set(appId, starting)
      starting.catch(() => prepared.delete(appId))
      void clock.sleep(forMs).then(() => discard(appId, starting))
    },
    /** The prepared one, or a new one. It is the caller's from then on. */
    async take(appId: string, images: StackImages): Promise<BuildContainer> {
      lastUsed.set(appId, images)
      const ready = prepared.get(appId)
      const container = await ready?.catch(() => undefined)
      if (!container || prepared.get(appId) !== ready) return start(appId, images)
      if (container.imagesDigest !== images.digest) {
        await discard(appId)
        return start(appId, images)
      }
      prepared.delete(appId)
      return container
    },
  }
}
export type BuildContainers = ReturnType<typeof buildContainers>
