import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine, ImageChanges } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import { bootstrap, debianMirrors, hostCertificates, nodePackages, npmRegistry } from './host.ts'
import { digest, filesBelow, packFiles, type PackedFile } from './pack.ts'

const DEBIAN = 'bookworm'
const NODE_MAJOR = '22'
const NPM = 'npm@10'
const PULL_MS = 20_000
const NODE_HOME = '/opt/dozen/node'
/** What $STACK says in builds: the closest ABI among the names that third-party buildpacks know. */
const NAME = 'heroku-22'

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
type Part = 'run-base' | 'build-base' | 'run' | 'build'
type Progress = (line: string) => void
type Deps = { engine: Engine; clock: Clock }

/**
 * The pair of images that apps are built in and run on. Debian, packages and Node.js are two heavy layers (build on top of run); the
 * buildpacks and the start script are thin ones, so that changing a buildpack does not rebuild Debian. Found again by tag, since
 * images made FROM ours inherit our labels.
 */
export function stack({ engine, clock }: Deps) {
  const recipe = readRecipe()
  let ready: Promise<StackImages> | undefined

  const ref = (part: Part, version: string) => `dozen/stack:${part}-${version}`
  const labels = (part: Part, version: string) => ({ [LABEL.role]: 'stack', 'dozen.stack': `${part}-${version}` })

  /** The image of a part, made by a program in a container of `from` when it is missing. */
  async function made(part: Part, version: string, make: () => Promise<ContainerWork>, progress: Progress): Promise<string> {
    const found = await engine.image(ref(part, version))
    if (found) return found.id
    const id = await inContainer(await make(), labels(part, version), progress)
    await engine.tag(id, ref(part, version))
    return id
  }

  const runBase = (progress: Progress) =>
    made('run-base', recipe.base, async () => {
      const from = await debianImage(progress)
      progress(`installing ${recipe.runPackages.length} Debian packages and Node.js ${NODE_MAJOR} for the run image`)
      const [node, npm] = await nodePackages([`node-linux-${recipe.arch}@${NODE_MAJOR}`, NPM])
      const files = [...surroundings(), { name: 'opt/dozen/node.tgz', content: node! }, { name: 'opt/dozen/npm.tgz', content: npm! }]
      return { from, files: [...files, recipe.install], cmd: ['/opt/dozen/install', 'run', ...recipe.runPackages] }
    }, progress) // prettier-ignore

  const buildBase = (progress: Progress) =>
    made('build-base', recipe.base, async () => {
      const from = await runBase(progress)
      progress(`installing ${recipe.buildPackages.length} Debian packages for the build image`)
      return { from, files: [recipe.install], cmd: ['/opt/dozen/install', 'build', ...recipe.buildPackages] }
    }, progress) // prettier-ignore

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

  async function make(progress: Progress): Promise<StackImages> {
    const version = `${recipe.base}-${recipe.thin}`
    const thin = (part: 'run' | 'build', base: () => Promise<string>, files: readonly PackedFile[]) =>
      made(part, version, async () => {
        const from = await base()
        progress(part === 'run' ? 'adding the start script' : 'adding the buildpacks')
        return { from, files, cmd: undefined }
      }, progress) // prettier-ignore
    const runImage = await thin('run', () => runBase(progress), [recipe.start])
    const id = await thin('build', () => buildBase(progress), recipe.buildFiles)
    await engine.tag(id, 'dozen/stack:latest')
    await engine.tag(runImage, 'dozen/stack:run')
    return { id, runImage, name: NAME, digest: version }
  }

  type ContainerWork = { from: string; files: readonly PackedFile[]; cmd: string[] | undefined }

  /** Puts files into a container, runs its program if there is one, and keeps what it left as an image. */
  async function inContainer(work: ContainerWork, label: ImageChanges['labels'], progress: Progress): Promise<string> {
    const unique = createHash('sha256').update(JSON.stringify(label)).digest('hex').slice(0, 12)
    const container = await engine.create({
      name: `dozen-stack-${unique}-${process.pid}`,
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
    for await (const chunk of engine.logs(container, { follow: false })) lines.push(chunk.bytes.toString().trimEnd())
    lines.slice(-8).forEach(progress)
    throw new AppError(
      'unavailable',
      `The stack image could not be built (status ${exit.code}): is a Debian mirror reachable? Its last lines are above.`,
    )
  }

  return {
    /** Both images, made when they are missing or their recipe has changed. Once per process; a failure is tried again by the next call. */
    ensure(progress: Progress = () => {}): Promise<StackImages> {
      ready ??= make(progress).catch((cause: unknown) => {
        ready = undefined
        throw cause
      })
      return ready
    },
    /** The registry that builds use: the host's own. */
    registry: npmRegistry,
    /** Files as a tar, for the head of a build. */
    pack: packFiles,
    clock,
  }
}
export type Stack = ReturnType<typeof stack>

/** What the host lends its images: the certificates it trusts and where it gets Debian packages. */
function surroundings(): PackedFile[] {
  const certificates = hostCertificates()
  const { main, security } = debianMirrors()
  const sources = [
    ...(main ? [`deb ${main} ${DEBIAN} main`, `deb ${main} ${DEBIAN}-updates main`] : []),
    ...(security ? [`deb ${security} ${DEBIAN}-security main`] : []),
  ]
  return [
    ...(certificates ? [{ name: 'usr/local/share/ca-certificates/host.pem', content: certificates }] : []),
    ...(sources.length > 0 ? [{ name: 'etc/apt/sources.list', content: `${sources.join('\n')}\n` }] : []),
  ]
}

/** buildpacks/ as read once: a controller keeps the stack that it started with. */
function readRecipe() {
  const files = filesBelow(buildpacksFolder()).filter(({ name }) => name !== 'README.md')
  const file = (name: string) => files.find((one) => one.name === `stack/${name}`)!
  const lines = (name: string) => file(name).content.toString().split('\n').filter(Boolean)
  const [runPackages, buildPackages] = [lines('packages-run.txt'), lines('packages-build.txt')]
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const at = (name: string, path: string, owner = 0) => ({ ...file(name), name: path, owner })
  const base = createHash('sha256')
    .update([DEBIAN, NODE_MAJOR, NPM, arch, ...runPackages, '', ...buildPackages].join('\n'))
    .update(file('install').content)
    .update(hostCertificates() ?? '')
  const ours = files.filter(({ name }) => !name.startsWith('stack/'))
  const buildFiles = [
    at('build', 'opt/dozen/build'),
    // A buildpack may write beside itself (`export`), so its folder is the app user's; it is a fresh copy in every build.
    ...folders(ours).map((name) => ({ name: `opt/dozen/buildpacks/${name}/`, content: '', mode: 0o755, owner: 1000 })),
    ...ours.map((one) => ({ ...one, name: `opt/dozen/buildpacks/${one.name}`, owner: 1000 })),
  ]
  return {
    arch,
    runPackages,
    buildPackages,
    base: base.digest('hex').slice(0, 24),
    thin: digest(files),
    install: at('install', 'opt/dozen/install'),
    start: at('start', 'opt/dozen/start'),
    buildFiles,
  }
}

const folders = (files: readonly PackedFile[]) => [
  ...new Set(files.flatMap(({ name }) => name.split('/').slice(0, -1).map((_, i, parts) => parts.slice(0, i + 1).join('/')))),
] // prettier-ignore

/** buildpacks/ of the checkout, whether this runs from source or bundled in dist/. */
function buildpacksFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    if (existsSync(join(at, 'buildpacks', 'stack'))) return join(at, 'buildpacks')
    if (at === dirname(at)) throw new Error('The folder buildpacks is missing: install dozen again.')
  }
}
