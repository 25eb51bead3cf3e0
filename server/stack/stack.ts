import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine, ImageChanges } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import { bootstrap, nodePackages, npmRegistry } from './host.ts'
import { packFiles, type PackedFile } from './pack.ts'
import { DEBIAN, NODE_MAJOR, NPM, readRecipe, surroundings } from './recipe.ts'

const PULL_MS = 20_000
const NODE_HOME = '/opt/dozen/node'
/** What $STACK says in builds: the closest ABI among the names that third-party buildpacks know. */
export const NAME = 'heroku-22'

/** What builds and processes trust and use by default. */
const TRUST = '/etc/ssl/certs/ca-certificates.crt'
const ENVIRONMENT = {
  PATH: `${NODE_HOME}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  LANG: 'C.UTF-8',
  NODE_EXTRA_CA_CERTS: TRUST,
  SSL_CERT_FILE: TRUST,
  PIP_CERT: TRUST,
  REQUESTS_CA_BUNDLE: TRUST,
}

/** `id` builds apps, `runImage` runs them; both stand on the same Debian. `digest` changes with the recipe and the buildpacks. */
export type StackImages = { id: string; runImage: string; name: string; digest: string }
/** A stack of somebody else's images, by name: "heroku-24", the image that apps are built in and the one they run on. */
export type Pair = { name: string; build: string; run: string }
type Part = 'run-base' | 'build-base' | 'run' | 'build'
type Progress = (line: string) => void
/** How the parts are made. `fresh`, of a rebuild: tag → the image that will carry it once all are there, whatever carries it now. */
type Job = { progress: Progress; fresh?: Map<string, string> }
type StackEngine = Pick<
  Engine,
  | 'image'
  | 'images'
  | 'tag'
  | 'removeImage'
  | 'pull'
  | 'importImage'
  | 'commit'
  | 'create'
  | 'start'
  | 'wait'
  | 'remove'
  | 'putArchive'
  | 'logs'
>
type Deps = {
  engine: StackEngine
  clock: Clock
  pairs?: readonly Pair[]
  /** Brings npm packages as they are published. */
  packages?: typeof nodePackages
  /** PEM of the authorities that builds and processes trust; absent = those of the host. */
  certificates?: Buffer
}

/**
 * The pair of images that apps are built in and run on. Debian, packages and Node.js are two heavy layers (build on top of run); the
 * buildpacks and the start script are thin ones, so that changing a buildpack does not rebuild Debian. Found again by tag, since
 * images made FROM ours inherit our labels.
 */
export function stack({ engine, clock, pairs = [], packages = nodePackages, certificates }: Deps) {
  const recipe = readRecipe(certificates)
  const ready = new Map<string, Promise<StackImages>>()
  let containersMade = 0
  let rebuilding = false

  const ref = (part: Part, version: string) => `dozen/stack:${part}-${version}`
  const labels = (part: Part, version: string) => ({ [LABEL.role]: 'stack', 'dozen.stack': `${part}-${version}` })

  /** The image of a part, made by a program in a container of `from` when it is missing. */
  async function made(
    part: Part,
    version: string,
    make: () => Promise<ContainerWork>,
    { progress, fresh }: Job,
  ): Promise<string> {
    const tag = ref(part, version)
    const found = fresh ? fresh.get(tag) : (await engine.image(tag))?.id
    if (found !== undefined) return found
    const id = await inContainer(await make(), labels(part, version), progress)
    if (fresh) fresh.set(tag, id)
    else await engine.tag(id, tag)
    return id
  }

  const runBase = (job: Job) =>
    made('run-base', recipe.base, async () => {
      const { progress } = job
      const from = await debianImage(progress)
      progress(`installing ${recipe.runPackages.length} Debian packages and Node.js ${NODE_MAJOR} for the run image`)
      return { from, files: [...surroundings(), ...(await nodeFiles()), recipe.install], cmd: ['/opt/dozen/install', 'run', ...recipe.runPackages] }
    }, job) // prettier-ignore

  async function nodeFiles(): Promise<PackedFile[]> {
    const [node, npm] = await packages([`node-linux-${recipe.arch}@${NODE_MAJOR}`, NPM])
    return [
      { name: 'opt/dozen/node.tgz', content: node! },
      { name: 'opt/dozen/npm.tgz', content: npm! },
    ]
  }

  const buildBase = (job: Job) =>
    made('build-base', recipe.base, async () => {
      const from = await runBase(job)
      job.progress(`installing ${recipe.buildPackages.length} Debian packages for the build image`)
      return { from, files: [recipe.install], cmd: ['/opt/dozen/install', 'build', ...recipe.buildPackages] }
    }, job) // prettier-ignore

  async function debianImage(progress: Progress): Promise<string> {
    const ref = `debian:${DEBIAN}-slim`
    const local = (await engine.image(ref)) ?? (await engine.images({ [LABEL.role]: 'stack-debian' }))[0]
    if (local) return local.id
    progress(`pulling ${ref}`)
    const pulled = await engine.pull(ref, { signal: AbortSignal.timeout(PULL_MS) }).then(
      () => engine.image(ref),
      () => undefined,
    )
    if (pulled) return pulled.id
    progress('no image registry answers: bootstrapping Debian with mmdebstrap')
    const { tar, done } = bootstrap(DEBIAN, (line) => line && progress(line))
    const [id] = await Promise.all([engine.importImage(tar, { labels: { [LABEL.role]: 'stack-debian' } }), done])
    return id
  }

  async function make(job: Job): Promise<StackImages> {
    const { progress, fresh = new Map<string, string>() } = job
    const version = `${recipe.base}-${recipe.thin}`
    const thin = (part: 'run' | 'build', base: () => Promise<string>, files: readonly PackedFile[]) =>
      made(part, version, async () => {
        const from = await base()
        progress(part === 'run' ? 'adding the start script' : 'adding the buildpacks')
        return { from, files, cmd: undefined }
      }, job) // prettier-ignore
    const runImage = await thin('run', () => runBase(job), [recipe.start])
    const id = await thin('build', () => buildBase(job), recipe.buildFiles)
    for (const [tag, image] of fresh) await engine.tag(image, tag)
    await engine.tag(id, 'dozen/stack:latest')
    await engine.tag(runImage, 'dozen/stack:run')
    return { id, runImage, name: NAME, digest: `${version}-${short(id)}` }
  }

  /** Somebody else's pair with what ours needs on top: found again as long as their images are the same. */
  async function adopt({ name, build, run }: Pair, progress: Progress): Promise<StackImages> {
    let node: Promise<PackedFile[]> | undefined // brought once for both
    const part = async (kind: 'run' | 'build', from: string, files: readonly PackedFile[]) => {
      const theirs = await present(from, progress)
      const make = async () => {
        progress(`preparing ${from} as the ${kind} image of ${name}`)
        const all = [...files, ...recipe.trusted, ...(await (node ??= nodeFiles())), recipe.adopt]
        return { from: theirs, files: all, cmd: ['/opt/dozen/adopt', kind] }
      }
      return made(kind, `${name}-${short(theirs)}-${recipe.adopted}`, make, { progress })
    }
    const runImage = await part('run', run, [recipe.start])
    const id = await part('build', build, recipe.buildFiles)
    return { id, runImage, name, digest: `${name}-${short(id)}` }
  }

  async function present(from: string, progress: Progress): Promise<string> {
    const local = await engine.image(from)
    if (local) return local.id
    progress(`pulling ${from}`)
    await engine.pull(from, {}).catch((cause: unknown) => {
      throw new AppError('unavailable', `The image ${from} of DOZEN_STACKS is not on this machine and could not be pulled: ${(cause as Error).message}.`, { cause }) // prettier-ignore
    })
    return (await engine.image(from))!.id
  }

  /** Our own, whatever is there. `before`: what carried the tags, outermost first. */
  async function remade(progress: Progress): Promise<{ images: StackImages; before: string[] }> {
    const version = `${recipe.base}-${recipe.thin}`
    const tags = [ref('build', version), ref('run', version), ref('build-base', recipe.base), ref('run-base', recipe.base)]
    const before = await Promise.all(tags.map(async (tag) => (await engine.image(tag))?.id))
    const fresh = new Map<string, string>()
    const images = await make({ progress, fresh }).catch(async (cause: unknown) => {
      await removeThose([...fresh.values()].toReversed())
      throw cause
    })
    return { images, before: before.filter((id) => id !== undefined) }
  }

  /** A pair of today's images, which are the same when nothing newer can be pulled or was made here. */
  async function renewed(pair: Pair, progress: Progress): Promise<{ images: StackImages; before: string[] }> {
    const former = await ready.get(pair.name)?.catch(() => undefined)
    const pull = (from: string) => engine.pull(from, {}).catch(() => progress(`${from} could not be pulled: the one of this machine stays`)) // prettier-ignore
    await Promise.all([pair.run, pair.build].map(pull))
    const images = await adopt(pair, progress)
    const before = former ? [former.id, former.runImage].filter((id) => id !== images.id && id !== images.runImage) : []
    return { images, before }
  }

  async function removeThose(ids: readonly string[]) {
    for (const id of ids) await engine.removeImage(id).catch(() => {}) // in use
  }

  const pairOf = (name: string) => pairs.find((pair) => pair.name === name)

  function begin(name: string, progress: Progress): Promise<StackImages> {
    const pair = pairOf(name)
    const making = (pair ? adopt(pair, progress) : make({ progress })).catch((cause: unknown) => {
      ready.delete(name)
      throw cause
    })
    ready.set(name, making)
    return making
  }

  /** What was made before, unless its images are gone or were rebuilt by another controller of this engine. */
  async function current(name: string): Promise<StackImages | undefined> {
    const images = await ready.get(name)
    if (!images) return undefined
    const there = await Promise.all([images.id, images.runImage].map(engine.image))
    return there.every((one) => one !== undefined && one.tags.length > 0) ? images : undefined
  }

  type ContainerWork = { from: string; files: readonly PackedFile[]; cmd: string[] | undefined }

  /** Puts files into a container, runs its program if there is one, and keeps what it left as an image. */
  async function inContainer(work: ContainerWork, label: ImageChanges['labels'], progress: Progress): Promise<string> {
    const unique = createHash('sha256').update(JSON.stringify(label)).digest('hex').slice(0, 12)
    const container = await engine.create({
      name: `dozen-stack-${unique}-${process.pid}-${++containersMade}`,
      image: work.from,
      cmd: work.cmd ?? ['/bin/true'],
      entrypoint: [],
      env: { PATH: ENVIRONMENT.PATH },
      labels: { [LABEL.role]: 'stack-build' },
      network: work.cmd ? 'bridge' : 'none',
      mayGainPrivileges: true,
    })
    try {
      await engine.putArchive(container, '/', await packFiles(work.files))
      if (work.cmd) await toItsEnd(container, progress)
      const changes = { labels: label, env: ENVIRONMENT, workingDir: '/app', cmd: ['/bin/bash'], entrypoint: [] }
      return await engine.commit(container, changes)
    } finally {
      await engine.remove(container)
    }
  }

  async function toItsEnd(container: string, progress: Progress) {
    await engine.start(container)
    const exit = await engine.wait(container)
    if (exit.code === 0) return
    const lines: string[] = []
    for await (const chunks of engine.logs(container, { follow: false }))
      lines.push(...chunks.map(({ bytes }) => bytes.toString().trimEnd()))
    lines.slice(-8).forEach(progress)
    throw new AppError(
      'unavailable',
      `The stack image could not be built (status ${exit.code}): is a Debian mirror reachable? Its last lines are above.`,
    )
  }

  return {
    /** Both images, made when they are missing or their recipe has changed. A failure is tried again by the next call. */
    async ensure(progress: Progress = () => {}, name: string = NAME): Promise<StackImages> {
      return (await current(name)) ?? begin(name, progress)
    },
    /** The names that apps may be set to, the default first. */
    names: () => [...new Set([NAME, ...pairs.map(({ name }) => name)])],
    /**
     * Made anew with today's packages (or today's images of the pair). Builds use the images before until it is through, and these from then on;
     * those before go, as soon as nothing runs on them. Rejects AppError conflict during another rebuild; unavailable, and then everything is as it was.
     */
    async rebuild(name: string, progress: Progress): Promise<StackImages> {
      if (rebuilding) throw new AppError('conflict', 'A stack is being rebuilt already. Wait until it is through.')
      rebuilding = true
      try {
        const pair = pairOf(name)
        const { images, before } = pair ? await renewed(pair, progress) : await remade(progress)
        ready.set(name, Promise.resolve(images))
        await removeThose(before)
        return images
      } finally {
        rebuilding = false
      }
    },
    /** The registry that builds use: the host's own. */
    registry: npmRegistry,
    /** Files as a tar, for the head of a build. */
    pack: packFiles,
    clock,
  }
}
export type Stack = ReturnType<typeof stack>

/** What the API may do with the stacks. */
export const stackVerbs = (stack: Stack) => ({
  names: stack.names,
  async rebuild(name: string) {
    const lines: string[] = []
    const { id, runImage } = await stack
      .rebuild(name, (line) => void lines.push(line))
      .catch((cause: unknown) => {
        if (!(cause instanceof AppError)) throw cause
        throw new AppError(cause.code, `${cause.message} ${lines.slice(-4).join(' / ')}`, { cause })
      })
    return { build: id, run: runImage }
  },
})

const short = (id: string) => id.replace('sha256:', '').slice(0, 12)
