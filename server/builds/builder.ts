import { createHmac, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { Stack, StackImages } from '../stack/stack.ts'
import { buildContainers } from './build-containers.ts'
import { buildpackBuild } from './buildpack-build.ts'
import type { BuildInput, Built, Facts, Io, Reusable } from './built.ts'
import { checkDisk, diskGuard } from './disk.ts'
import { dockerfileBuild } from './dockerfile-build.ts'
import { imageSource } from './image-source.ts'
import { masked } from './masked.ts'
import { packed, type Fetch, type Fetched } from './fetched.ts'
import { parseManifest } from '../manifest/manifest.ts'
import { phases, type Phases } from './phases.ts'
import { parseProcfile } from './procfile.ts'
import { chooseWay, type Way } from './source.ts'
import { spool, type Source } from './spool.ts'

export type { BuildInput, Built } from './built.ts'

type Deps = {
  engine: Engine
  stack: Stack
  clock: Clock
  instance: string
  limits: {
    buildTimeoutMs: number
    sourceBytes: number
    buildMemoryBytes?: number
    diskReserveBytes?: number
    areDockerfilesBuilt?: boolean
  }
  /** Keys the hash of a build's inputs, so that the record gives no config value away. Absent = builds are reused only until the next start. */
  inputsKey?: Buffer
  /** Holds what the steps of a Dockerfile may reach and use while they run; absent = they are not held. */
  confined?: <T>(work: () => Promise<T>) => Promise<T>
  /** Rejects for a host inside this machine or its network, which no Dockerfile may add files from; absent = it may. */
  checkHost?: ((host: string) => Promise<void>) | undefined
  /** Brings the buildpacks that an app names; rejects AppError build_failed. */
  fetch?: Fetch
}

/** How far a build has come. */
type Course = { went: Phases; facts: Omit<Facts, 'durations'> }

const stackOf = ({ stackSetting }: BuildInput) => (stackSetting === 'container' ? undefined : stackSetting)

const ourNames: Fetch = async (names) => names.map((name) => ({ name }))

/** Source → image, in containers only: nothing of the user's is ever unpacked or run on the host. */
export function builder(deps: Deps) {
  const {
    engine,
    stack,
    clock,
    instance,
    limits,
    inputsKey = randomBytes(32),
    fetch = ourNames,
    confined = (work) => work(),
  } = deps
  let underWay = 0
  const { buildMemoryBytes = 4 * 1024 ** 3, diskReserveBytes = 1024 ** 3 } = limits
  const containers = buildContainers({ engine, stack, instance, clock, memoryBytes: buildMemoryBytes })
  const withBuildpacks = buildpackBuild({ engine, stack, instance, clock, containers })
  const withDockerfile = dockerfileBuild({
    engine,
    instance,
    memoryBytes: buildMemoryBytes,
    confined: async (work) => {
      await containers.network() // which tells other instances that this one is there
      return confined(work)
    },
    checkHost: deps.checkHost,
    cacheName: (appId) => createHmac('sha256', inputsKey).update(`caches of ${appId}`).digest('hex'),
  })
  const adopt = imageSource({ engine, instance, inputsKey })

  /** What the image depends on. The commit itself does not count: an empty one gives the same image. */
  function inputsOf(input: BuildInput, source: Source, way: Way, images: StackImages, fetched: Fetched): string {
    const config = Object.entries(input.config).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return createHmac('sha256', inputsKey)
      .update(JSON.stringify([source.digest, config, images.digest, images.runImage, fetched.buildpacks, way]))
      .digest('hex')
  }

  async function from(source: Source, input: BuildInput, io: Io, { went, facts }: Course): Promise<Built> {
    for (const warning of source.warnings) io.log(` !     ${warning}`)
    const procfile = source.files.get('Procfile')
    if (procfile !== undefined) parseProcfile(procfile) // refused before any work is done
    const manifest = parseManifest(source.files.get('app.json'))
    const way = chooseWay(source.files, input)
    const wanted = way.by === 'buildpacks' ? way.buildpacks : { names: [], why: '' }
    const [images, fetched] = await Promise.all([stack.ensure(io.log, stackOf(input)), packed(wanted, fetch, io.signal)])
    Object.assign(facts, { stackImage: images.id, runImage: images.runImage })
    const inputs = inputsOf(input, source, way, images, fetched)
    const shared = { stackImage: images.id, runImage: images.runImage, buildpacks: fetched.buildpacks, inputs, manifest }
    const former = await input.reuse?.(inputs)
    if (former && (await areThere(former))) {
      io.log(`-----> Nothing has changed since build ${former.number}: using its image`)
      const { number: _, ...image } = former
      return { ...shared, ...image, isReused: true, sizeBytes: await sizeOf(image.image), durations: went.all() }
    }
    if (way.by === 'dockerfile') {
      if (!(limits.areDockerfilesBuilt ?? true))
        throw new AppError('build_failed', 'No app is built by a Dockerfile here (DOZEN_DOCKERFILES is 0). Remove it and heroku.yml, or name buildpacks: `dozen buildpacks:set heroku/nodejs`.') // prettier-ignore
      io.log(`-----> Building ${way.why}`)
      went.enter('build')
      const made = await withDockerfile.run(input, source, way, io)
      return { ...shared, ...made, imageKind: 'dockerfile', processTypes: way.processTypes, isReused: false, sizeBytes: await sizeOf(made.image), durations: went.all() }
    }
    const isOther = input.lastStackImage !== undefined && input.lastStackImage !== images.id
    io.log(`-----> Building on the ${images.name} stack${isOther ? ', which has changed since the last build' : ''}`)
    went.enter('build')
    const made = await withBuildpacks.run(input, source, fetched, images, { ...io, onCompiled: () => went.enter('image') })
    const buildpacks = fetched.buildpacks.length > 0 ? fetched.buildpacks : made.buildpacks
    return { ...shared, ...made, buildpacks, imageKind: 'buildpack', port: null, isReused: false, sizeBytes: await sizeOf(made.image), durations: went.all() }
  } // prettier-ignore

  const areThere = async ({ image, images = {} }: Reusable) =>
    (await Promise.all([image, ...Object.values(images).map((other) => other.image)].map(engine.image))).every(
      (one) => one !== undefined,
    )
  const sizeOf = async (image: string) => (await engine.image(image))?.sizeBytes ?? 0

  async function build(input: BuildInput, io: Io, course: Course): Promise<Built> {
    if (!(input.source instanceof Readable)) return adopt(input, input.source.ref, io)
    const { sourceBytes: limitBytes } = limits
    const source = await spool(input.source, { limitBytes, signal: io.signal, isUpload: input.isUpload ?? false })
    try {
      return await from(source, input, io, course)
    } finally {
      await source.dispose()
    }
  }

  return {
    /**
     * Builds until it is done, `signal` aborts (rejects with its reason), the time limit is over or the disk is full. Rejects
     * AppError build_failed with a sentence for the user. No container is left behind, whatever happens.
     */
    async build(input: BuildInput, io: Io): Promise<Built> {
      const { signal } = io
      const mask = masked(input.config)
      const log = (line: string) => io.log(mask(line))
      const over = new AbortController()
      const limited = (guard: Promise<unknown>) => void guard.catch((cause: unknown) => over.abort(cause))
      const done = new AbortController()
      limited(timeLimit(clock, limits.buildTimeoutMs, done.signal))
      limited(diskGuard(clock, diskReserveBytes, done.signal))
      const both = AbortSignal.any([signal, over.signal])
      const course: Course = { went: phases(clock), facts: {} }
      underWay++
      try {
        await checkDisk(diskReserveBytes)
        return await build(input, { log, signal: both }, course)
      } catch (cause) {
        io.onFailure?.({ ...course.facts, durations: course.went.soFar() })
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
    dropCache: containers.dropCache,
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
