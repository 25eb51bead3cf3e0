import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { Stack, StackImages } from '../stack/stack.ts'
import { buildContainers } from './build-containers.ts'
import { buildpackBuild } from './buildpack-build.ts'
import type { BuildInput, Built, Io } from './built.ts'
import { diskGuard } from './disk.ts'
import { dockerfileBuild } from './dockerfile-build.ts'
import { packed, type Fetch, type Fetched } from './fetched.ts'
import { parseProcfile } from './procfile.ts'
import { chooseWay, type Way } from './source.ts'
import { spool, type Source } from './spool.ts'

export type { BuildInput, Built } from './built.ts'

type Deps = {
  engine: Engine
  stack: Stack
  clock: Clock
  instance: string
  limits: { buildTimeoutMs: number; sourceBytes: number }
  /** Keys the hash of a build's inputs, so that the record gives no config value away. Absent = builds are reused only until the next start. */
  inputsKey?: Buffer
  /** Brings the buildpacks that an app names; rejects AppError build_failed. */
  fetch?: Fetch
}

const ourNames: Fetch = async (names) => names.map((name) => ({ name }))

/** Source → image, in containers only: nothing of the user's is ever unpacked or run on the host. */
export function builder(deps: Deps) {
  const { engine, stack, clock, instance, limits, inputsKey = randomBytes(32), fetch = ourNames } = deps
  let underWay = 0
  const containers = buildContainers({ engine, stack, instance, clock })
  const withBuildpacks = buildpackBuild({ engine, stack, instance, clock, containers })
  const withDockerfile = dockerfileBuild({ engine, instance })

  /** What the image depends on. The commit itself does not count: an empty one gives the same image. */
  function inputsOf(input: BuildInput, source: Source, way: Way, images: StackImages, fetched: Fetched): string {
    const config = Object.entries(input.config).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return createHmac('sha256', inputsKey)
      .update(JSON.stringify([source.digest, config, images.digest, images.runImage, fetched.buildpacks, way]))
      .digest('hex')
  }

  async function from(source: Source, input: BuildInput, io: Io, sourceMs: number): Promise<Built> {
    for (const warning of source.warnings) io.log(` !     ${warning}`)
    const procfile = source.files.get('Procfile')
    if (procfile !== undefined) parseProcfile(procfile) // refused before any work is done
    const way = chooseWay(source.files, input)
    const wanted = way.by === 'buildpacks' ? way.buildpacks : { names: [], why: '' }
    const [images, fetched] = await Promise.all([stack.ensure(io.log), packed(wanted, fetch, io.signal)])
    const inputs = inputsOf(input, source, way, images, fetched)
    const shared = { stackImage: images.id, buildpacks: fetched.buildpacks, inputs }
    const former = await input.reuse?.(inputs)
    if (former && (await engine.image(former.image))) {
      void containers.discard(input.appId)
      io.log(`-----> Nothing has changed since build ${former.number}: using its image`)
      const { number: _, ...image } = former
      return { ...shared, ...image, isReused: true, sizeBytes: await sizeOf(image.image), durations: { source: sourceMs, build: 0, image: 0 } }
    }
    if (way.by === 'dockerfile') {
      io.log(`-----> Building ${way.why}`)
      const began = clock.now().getTime()
      const { image, port } = await withDockerfile.run(input, source, way, io)
      const durations = { source: sourceMs, build: clock.now().getTime() - began, image: 0 }
      return { ...shared, image, port, imageKind: 'dockerfile', processTypes: way.processTypes, isReused: false, sizeBytes: await sizeOf(image), durations }
    }
    const { buildMs, imageMs, ...made } = await withBuildpacks.run(input, source, fetched, images, io)
    const durations = { source: sourceMs, build: buildMs, image: imageMs }
    const buildpacks = fetched.buildpacks.length > 0 ? fetched.buildpacks : made.buildpacks
    return { ...shared, ...made, buildpacks, imageKind: 'buildpack', port: null, isReused: false, sizeBytes: await sizeOf(made.image), durations }
  } // prettier-ignore

  const sizeOf = async (image: string) => (await engine.image(image))?.sizeBytes ?? 0

  async function build(input: BuildInput, io: Io): Promise<Built> {
    const began = clock.now().getTime()
    const source = await spool(input.source, { limitBytes: limits.sourceBytes, signal: io.signal })
    try {
      return await from(source, input, io, clock.now().getTime() - began)
    } finally {
      await source.dispose()
    }
  }

  return {
    /**
     * Builds until it is done, `signal` aborts (rejects with its reason), the time limit is over or the disk is full. Rejects
     * AppError build_failed with a sentence for the user. No container is left behind, whatever happens.
     */
    async build(input: BuildInput, { signal, log }: Io): Promise<Built> {
      const over = new AbortController()
      const limited = (guard: Promise<unknown>) => void guard.catch((cause: unknown) => over.abort(cause))
      const done = new AbortController()
      limited(timeLimit(clock, limits.buildTimeoutMs, done.signal))
      limited(diskGuard(clock, done.signal))
      const both = AbortSignal.any([signal, over.signal])
      underWay++
      try {
        return await build(input, { log, signal: both })
      } catch (cause) {
        if (both.aborted) throw both.reason
        if (cause instanceof AppError && cause.code === 'invalid_params')
          throw new AppError('build_failed', cause.message, { cause })
        throw cause
      } finally {
        underWay--
        done.abort()
      }
    },

    /** A push of this app is coming: what its build needs first gets ready meanwhile. */
    prepare: containers.prepare,
    /** The build's container stays for a moment, so that clearing it away does not slow what comes next: now it goes. */
    clear: withBuildpacks.clear,

    /** Containers of builds whose controller died, or whose engine failed; while none is under way, so that no live one is meant. */
    async removeLeftovers() {
      const found = await engine.list({ [LABEL.instance]: instance, [LABEL.role]: 'build' })
      if (underWay > 0 || !containers.isIdle()) return
      for (const container of found) await engine.remove(container.id)
    },
  }
}

/** Rejects AppError build_failed after `ms`; never resolves. */
async function timeLimit(clock: Clock, ms: number, signal: AbortSignal): Promise<never> {
  await clock.sleep(ms, signal)
  throw new AppError('build_failed', `The build took longer than ${ms / 60_000} minutes and was stopped. Make it faster, or raise DOZEN_BUILD_TIMEOUT.`) // prettier-ignore
}
