import type { Readable } from 'node:stream'
import { LABEL } from '../engine/labels.ts'
import { EngineError, type Engine, type Labels } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import type { BuildInput, Io } from './built.ts'
import { ignoring } from './dockerignore.ts'
import { lines } from './output.ts'
import type { ImageSource } from '../releases/release.ts'
import { idOf, type Recipe, type Recipes } from './heroku-yml.ts'
import { remoteHosts } from './remote-sources.ts'
import { declaredArgs } from './source.ts'
import { changedNames, type Source } from './spool.ts'

type Deps = {
  engine: Engine
  instance: string
  memoryBytes: number
  /** Runs the engine's part of a build while its steps are held to limits. */
  confined: <T>(work: () => Promise<T>) => Promise<T>
  /** Of the caches that the steps of an app mount: secret, since whoever knows it may name them. */
  cacheName: (appId: string) => string
  /** Rejects for hosts that lead inside this machine or its network; absent where that is allowed. */
  checkHost?: ((host: string) => Promise<void>) | undefined
}

/** A shorter value is only taken out where its name stands before it. */
const HIDDEN_CHARS = 8
/** BuildKit's name for what sets the caches of `RUN --mount=type=cache` apart: else every app would write into those of all others (ABUSE 43). */
const CACHES = 'BUILDKIT_CACHE_MOUNT_NS'
/** Args with such names are orders to BuildKit itself, not values for the Dockerfile. */
const BUILDKITS = 'BUILDKIT_'

type Made = { image: string; port: number | null; images: ImageSource['images'] & object }

/** Source → images by BuildKit. Config vars reach the build only as the ARGs that the Dockerfile declares. */
export function dockerfileBuild({ engine, instance, memoryBytes, confined, cacheName, checkHost }: Deps) {
  async function one(input: BuildInput, source: Source, { recipe, args }: { recipe: Recipe; args: Recipes['args'] }, io: Io) {
    const { dockerfile, target } = recipe
    const text = source.files.get(dockerfile)
    if (text === undefined) throw new AppError('build_failed', `There is no file ${dockerfile} in the source. Add it, or name another one in heroku.yml.`) // prettier-ignore
    const declared = declaredArgs(text)
    const values = { ...input.config, ...args, SOURCE_VERSION: input.commit }
    if (checkHost)
      for (const host of remoteHosts(text, values))
        await checkHost(host).catch((cause: Error) => refused(dockerfile, host, cause))
    const labels = { [LABEL.instance]: instance, [LABEL.app]: input.appId, [LABEL.role]: 'image' }
    const out = lines(io.log)
    const own = Object.entries(values).filter(([name]) => declared.has(name) && !name.startsWith(BUILDKITS))
    const build = () =>
      engine.build(context(source, recipe), {
        dockerfile: dockerfile.slice(recipe.context === '' ? 0 : recipe.context.length + 1),
        ...(target && { target }),
        args: { ...Object.fromEntries(own), [CACHES]: cacheName(input.appId) },
        labels,
        onOutput: out.add,
        signal: io.signal,
      })
    const built = await confined(build).catch((cause: unknown) => explained(cause, memoryBytes))
    out.end()
    const secrets = Object.entries(input.config).filter(([name]) => declared.has(name) && !(name in args))
    const image = secrets.length === 0 ? built : await withoutSecrets(built, labels, secrets)
    return { image, port: (await engine.image(image))?.ports[0] ?? null }
  }

  /** BuildKit writes the values of build args into the history of the RUN lines: they are config vars, so they go. */
  async function withoutSecrets(image: string, labels: Labels, secrets: readonly [string, string][]) {
    const hidden = secrets.flatMap(([name, value]) => [`${name}=${value}`, ...(value.length >= HIDDEN_CHARS ? [value] : [])])
    const clean = await engine.derive(image, { labels, hidden })
    if (clean !== image) await engine.removeImage(image).catch(() => {}) // else pruned later
    return clean
  }

  /** The main image, then those of process types that have another; each once, in order, so that the log reads in order. */
  async function run(input: BuildInput, source: Source, { main, others, args }: Recipes, io: Io): Promise<Made> {
    const several = Object.keys(others).length > 0
    const made = new Map<string, { image: string; port: number | null }>()
    const make = async (recipe: Recipe) => {
      const known = made.get(idOf(recipe))
      if (known) return known
      if (several) io.log(`=== Building ${recipe.dockerfile}${recipe.target ? `, stage ${recipe.target}` : ''}`)
      const image = await one(input, source, { recipe, args }, io)
      made.set(idOf(recipe), image)
      return image
    }
    const first = await make(main)
    const images: Record<string, { image: string; port: number | null }> = {}
    for (const [type, recipe] of Object.entries(others)) images[type] = await make(recipe)
    return { ...first, images }
  }
  return { run }
}

/** The tar that BuildKit gets. It applies .dockerignore only to folders that it reads itself, so we do; the Dockerfile always goes along. */
function context(source: Source, { dockerfile, context }: Recipe): Readable {
  const prefix = context === '' ? '' : `${context}/`
  const rules = source.files.get(`${dockerfile}.dockerignore`) ?? source.files.get(`${prefix}.dockerignore`)
  if (rules === undefined && prefix === '') return source.open()
  const isIgnored = rules === undefined ? () => false : ignoring(rules)
  return changedNames(source.open(), (name) => {
    if (!name.startsWith(prefix)) return undefined
    const inner = name.slice(prefix.length)
    const always = name === dockerfile || inner === '.dockerignore'
    return inner !== '' && (always || !isIgnored(inner)) ? inner : undefined
  })
}

function refused(dockerfile: string, host: string, cause: Error): never {
  throw new AppError('build_failed', `${dockerfile} adds a file from ${host}: ${cause.message} Put the file into the source instead, and push again.`, { cause }) // prettier-ignore
}

function explained(cause: unknown, memoryBytes: number): never {
  if (cause instanceof EngineError && cause.code === 'build_failed') {
    const last = cause.message.trim().split('\n').at(-1) ?? ''
    if (/exit code: 137\b/.test(last))
      throw new AppError('build_failed', `The Dockerfile build failed: ${last}. It was killed, as it is when a step needs more than ${memoryBytes / 1024 ** 2} MiB of memory: make do with less, or raise DOZEN_BUILD_MEMORY.`, { cause }) // prettier-ignore
    throw new AppError('build_failed', `The Dockerfile build failed: ${last}. The lines above show the step; \`docker build .\` in your folder repeats it.`, { cause }) // prettier-ignore
  }
  throw cause
}
