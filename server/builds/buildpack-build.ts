import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Attached, Engine, Layer } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { PackedFile } from '../stack/pack.ts'
import type { Stack, StackImages } from '../stack/stack.ts'
import type { BuildContainers } from './build-containers.ts'
import type { BuildInput, Io } from './built.ts'
import { comingLayer, type ComingLayer } from './coming-layer.ts'
import type { Fetched } from './fetched.ts'
import { printed } from './output.ts'
import { configDefaultsOf, cutResult, discovered, processTypesOf } from './result.ts'
import type { Source } from './spool.ts'

/** The engine tears a container's network down so slowly that the new release's start would wait for it: `clear` says when, or else this. */
const REMOVE_AFTER_MS = 10_000

type Deps = { engine: Engine; stack: Stack; instance: string; clock: Clock; containers: BuildContainers }
type Made = {
  image: string
  processTypes: Record<string, string>
  configDefaults: Record<string, string>
  buildpacks: string[]
}

/**
 * Source → image by buildpacks. The build container (compilers, the app's cache, no capabilities, no host paths) compiles in /app and
 * streams the result out; on top of the slim run image that tree becomes the app's image, without ever being started.
 */
export function buildpackBuild({ engine, stack, instance, clock, containers }: Deps) {
  /** Build containers whose work is done, by build. */
  const done = new Map<string, () => Promise<void>>()
  async function clear(buildId: string) {
    const remove = done.get(buildId)
    done.delete(buildId)
    await remove?.()
  }

  /** Feeds the container and reads its two streams to their end, the tree into `tree`. */
  async function compile(
    attached: Attached,
    feed: { head: Buffer; source: Source; tree: ComingLayer },
    { log, mark }: { log: Io['log']; mark: string },
  ) {
    // The build may end before it has read everything: its status tells then.
    void pipeline(chained(feed.head, feed.source.open()), attached.input).catch(() => {})
    const [result] = await Promise.all([
      cutResult(attached.output).then(async ({ head, tree, status }) => {
        if (head) await feed.tree.read(tree, head.bytes)
        return { head, status: await status }
      }),
      printed(attached.errors!, log, mark),
    ])
    return result
  }

  const addLayer = (input: BuildInput, images: StackImages, layer: Layer) =>
    engine.addLayer(images.runImage, layer, {
      labels: { [LABEL.instance]: instance, [LABEL.app]: input.appId, [LABEL.role]: 'image' },
      cmd: ['/bin/bash'],
      entrypoint: [],
      workingDir: '/app',
      user: 'app',
      env: { HOME: '/app' },
    })

  async function run(
    input: BuildInput,
    source: Source,
    fetched: Fetched,
    images: StackImages,
    io: Io & { onCompiled: () => void },
  ): Promise<Made> {
    const files = [...envFiles(input.config), ...named(input), ...fetched.files]
    const head = await stack.pack([ENV_FOLDER, ...files].map((file) => ({ ...file, name: `head/${file.name}` })))
    const { id: container, attached } = await containers.take(input.appId, images)
    const mark = randomUUID()
    const firstLine = Buffer.from(`${head.length} ${mark}\n`)
    const abort = () => void engine.kill(container, 'SIGKILL').catch(() => {})
    io.signal.addEventListener('abort', abort, { once: true })
    const remove = () => engine.remove(container).catch(() => {}) // else removeLeftovers does
    const tree = comingLayer(clock.now())
    const adding = addLayer(input, images, tree.layer)
    adding.catch(() => {}) // awaited below, unless the build fails before
    try {
      if (io.signal.aborted) abort()
      const feed = { head: Buffer.concat([firstLine, head]), source, tree }
      const { head: result, status } = await compile(attached, feed, { log: io.log, mark })
      if (status !== 0) await ended(container, io.signal)
      if (status !== 0 || !result) throw failure('it printed no result')
      io.onCompiled()
      const processTypes = processTypesOf(result)
      const configDefaults = configDefaultsOf(result)
      for (const line of discovered(result)) io.log(line)
      tree.accept()
      const image = await adding
      attached.close()
      done.set(input.buildId, remove)
      void clock.sleep(REMOVE_AFTER_MS).then(() => clear(input.buildId))
      containers.remember(input.appId, result.buildpacks)
      return { image, processTypes, configDefaults, buildpacks: result.buildpacks }
    } catch (cause) {
      await remove()
      throw cause
    } finally {
      io.signal.removeEventListener('abort', abort)
      await tree.dispose()
    }
  }

  async function ended(container: string, signal: AbortSignal) {
    const { code, oomKilled } = await engine.wait(container)
    signal.throwIfAborted()
    if (oomKilled || code === 137) throw failure(`it needed more than ${Math.round(containers.memoryBytes / 1024 ** 2)} MiB of memory and was stopped. Build with less or in fewer parallel steps, or raise DOZEN_BUILD_MEMORY`) // prettier-ignore
    if (code !== 0) throw failure(`it ended with status ${code}; the lines above say why`)
  }

  return { run, clear }
}

const failure = (why: string) => new AppError('build_failed', `The build failed: ${why}.`)

/** What the build is called: a version may be any text, or none. */
const named = ({ commit, buildId }: BuildInput): PackedFile[] => [
  { name: 'version', content: commit },
  { name: 'request', content: buildId },
]

const ENV_FOLDER: PackedFile = { name: 'env/', content: '', mode: 0o755, owner: 1000 }
const envFiles = (config: BuildInput['config']): PackedFile[] =>
  Object.entries(config).map(([name, content]) => ({ name: `env/${name}`, content, owner: 1000 }))

function chained(head: Buffer, source: Readable): Readable {
  return Readable.from(
    (async function* () {
      yield head
      yield* source as AsyncIterable<Buffer>
    })(),
  )
}
