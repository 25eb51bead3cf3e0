import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Attached, Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { PackedFile } from '../stack/pack.ts'
import type { Stack, StackImages } from '../stack/stack.ts'
import type { BuildContainers } from './build-containers.ts'
import type { BuildInput, Io } from './built.ts'
import type { Fetched } from './fetched.ts'
import { printed } from './output.ts'
import { cutResult, processTypesOf, type Head } from './result.ts'
import type { Source } from './spool.ts'

/** The engine tears a container's network down so slowly that the new release's start would wait for it. */
const REMOVE_AFTER_MS = 3_000

type Deps = { engine: Engine; stack: Stack; instance: string; clock: Clock; containers: BuildContainers }
type Made = { image: string; processTypes: Record<string, string>; buildpacks: string[]; buildMs: number; imageMs: number }

/**
 * Source → image by buildpacks. The build container (compilers, the app's cache, no capabilities, no host paths) compiles in /app and
 * streams the result straight into a second container of the slim run image, which becomes the app's image without ever being started.
 */
export function buildpackBuild({ engine, stack, instance, clock, containers }: Deps) {
  const labels = (input: BuildInput, role: string) => ({
    [LABEL.instance]: instance,
    [LABEL.app]: input.appId,
    [LABEL.role]: role,
  })

  /** The future image: never started. */
  const createImage = (input: BuildInput, images: StackImages) =>
    engine.create({
      name: `dozen-${instance}-image-${input.buildId}`,
      image: images.runImage,
      entrypoint: [],
      cmd: ['/bin/bash'],
      env: {},
      labels: labels(input, 'build'),
      network: 'none',
    })

  /** Feeds the container and reads its two streams to their end. */
  async function compile(
    attached: Attached,
    feed: { head: Buffer; source: Source },
    target: Promise<string>,
    { log, mark }: { log: Io['log']; mark: string },
  ): Promise<{ head: Head | undefined; treeFailed: unknown; status: number | undefined }> {
    // The build may end before it has read everything: its status tells then.
    void pipeline(chained(feed.head, feed.source.open()), attached.input).catch(() => {})
    const [result] = await Promise.all([
      cutResult(attached.output).then(async ({ head, tree, status }) => {
        if (!head) return { head, treeFailed: undefined, status: undefined }
        const treeFailed = await engine.putArchive(await target, '/', tree).then(
          () => undefined,
          (cause: unknown) => cause ?? true,
        )
        tree.resume()
        return { head, treeFailed, status: await status }
      }),
      printed(attached.errors!, log, mark),
    ])
    return result
  }

  async function run(input: BuildInput, source: Source, fetched: Fetched, images: StackImages, io: Io): Promise<Made> {
    const began = clock.now().getTime()
    const head = await stack.pack([...envFiles(input.config), ...fetched.files])
    const target = createImage(input, images)
    target.catch(() => {}) // awaited where it is used
    const { id: container, attached } = await containers.take(input.appId, images)
    const mark = randomUUID()
    const firstLine = Buffer.from(`${head.length} ${input.commit} ${mark}\n`)
    const abort = () => void engine.kill(container, 'SIGKILL').catch(() => {})
    io.signal.addEventListener('abort', abort, { once: true })
    const remove = () => Promise.all([engine.remove(container), target.then(engine.remove, () => {})]).catch(() => {}) // else removeLeftovers does
    try {
      if (io.signal.aborted) abort()
      const result = await compile(attached, { head: Buffer.concat([firstLine, head]), source }, target, { log: io.log, mark })
      const compiledAt = clock.now().getTime()
      if (result.status !== 0) await ended(container, io.signal) // its own reason comes first
      if (result.treeFailed) throw result.treeFailed as Error
      if (result.status !== 0 || !result.head) throw failure('it printed no result')
      const processTypes = processTypesOf(result.head)
      const image = await commit(input, await target)
      attached.close()
      void clock.sleep(REMOVE_AFTER_MS).then(remove)
      const done = clock.now().getTime()
      return { image, processTypes, buildpacks: result.head.buildpacks, buildMs: compiledAt - began, imageMs: done - compiledAt }
    } catch (cause) {
      await remove()
      throw cause
    } finally {
      io.signal.removeEventListener('abort', abort)
    }
  }

  const commit = (input: BuildInput, container: string) =>
    engine.commit(container, { labels: labels(input, 'image'), workingDir: '/app', user: 'app', env: { HOME: '/app' } })

  async function ended(container: string, signal: AbortSignal) {
    const { code, oomKilled } = await engine.wait(container)
    signal.throwIfAborted()
    if (oomKilled || code === 137) throw failure(`it needed more than ${containers.memoryBytes / 1024 ** 3} GiB of memory and was stopped. Build with less, or in fewer parallel steps`) // prettier-ignore
    if (code !== 0) throw failure(`it ended with status ${code}; the lines above say why`)
  }

  return { run }
}

const failure = (why: string) => new AppError('build_failed', `The build failed: ${why}.`)

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
