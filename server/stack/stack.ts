import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Engine } from '../engine/port.ts'
import { AppError } from '../errors.ts'
import { bootstrap, debianMirror, hostCertificates, nodePackages, npmRegistry } from './host.ts'
import { digest, filesBelow, packFiles } from './pack.ts'

const DEBIAN = 'bookworm'
const NODE_MAJOR = '22'
const NPM = 'npm@10'
const PULL_MS = 60_000
const NODE_HOME = '/opt/dozen/node'
export const APP_USER = 'app'
const APP_UID = 1000

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

type Progress = (line: string) => void
type Deps = { engine: Engine; clock: Clock }

/** The image that apps are built in and run on: Debian with compilers, Node.js, and our buildpacks as a thin layer on top. */
export function stack({ engine, clock }: Deps) {
  const folder = buildpacksFolder()
  const packages = filesBelow(join(folder, 'stack')).find((file) => file.name === 'packages.txt')!
  const names = packages.content.toString().split('\n').filter(Boolean)
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const certificates = hostCertificates()
  const recipe = createHash('sha256')
    .update([DEBIAN, NODE_MAJOR, NPM, arch, INSTALL, JSON.stringify(ENVIRONMENT), ...names].join('\n'))
    .update(certificates ?? '')
    .digest('hex')
    .slice(0, 24)
  let ready: Promise<{ id: string; digest: string }> | undefined

  const labels = (part: 'base' | 'build', version: string) => ({ [LABEL.role]: 'stack', 'dozen.stack': `${part}-${version}` })
  const findImage = async (part: 'base' | 'build', version: string) => (await engine.images(labels(part, version)))[0]

  async function base(progress: Progress): Promise<string> {
    const found = await findImage('base', recipe)
    if (found) return found.id
    const debian = await debianImage(progress)
    progress(`installing ${names.length} Debian packages and Node.js ${NODE_MAJOR}`)
    const id = await inContainer(
      debian,
      labels('base', recipe),
      async (container) => {
        const [node, npm] = await nodePackages([`node-linux-${arch}@${NODE_MAJOR}`, NPM])
        const mirror = debianMirror()
        await engine.putArchive(container, '/', await packFiles([
        ...(certificates ? [{ name: 'usr/local/share/ca-certificates/host.pem', content: certificates }] : []),
        ...(mirror ? [{ name: 'etc/apt/sources.list', content: `deb ${mirror} ${DEBIAN} main\ndeb ${mirror} ${DEBIAN}-updates main\n` }] : []),
        { name: 'opt/dozen/node.tgz', content: node! },
        { name: 'opt/dozen/npm.tgz', content: npm! },
        { name: 'opt/dozen/install', content: INSTALL, mode: 0o755 },
      ])) // prettier-ignore
      },
      ['/bin/bash', '/opt/dozen/install', ...names],
      progress,
    )
    if (id !== debian) await engine.tag(id, `dozen/stack:${recipe}`)
    return id
  }

  async function debianImage(progress: Progress): Promise<string> {
    const ref = `debian:${DEBIAN}-slim`
    const local = await engine.image(ref)
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

  async function build(progress: Progress): Promise<{ id: string; digest: string }> {
    const files = filesBelow(folder)
    const version = `${recipe}-${digest(files)}`
    const found = await findImage('build', version)
    if (found) return { id: found.id, digest: version }
    const from = await base(progress)
    progress('adding the buildpacks')
    const id = await inContainer(from, labels('build', version), async (container) => {
      const packed = files.map((file) => {
        const [, stackFile] = /^stack\/(.+)$/.exec(file.name) ?? []
        return { ...file, name: stackFile ? `opt/dozen/${stackFile}` : `opt/dozen/buildpacks/${file.name}` }
      })
      await engine.putArchive(container, '/', await packFiles(packed))
    }, ['/bin/bash', '-c', `mkdir -p /opt/dozen/out && chown -R ${APP_USER}: /opt/dozen/out /opt/dozen/buildpacks`], progress) // prettier-ignore
    await engine.tag(id, 'dozen/stack:latest')
    return { id, digest: version }
  }

  /** Runs one fixed program in a container of `from` and keeps what it left. */
  async function inContainer(
    from: string,
    label: Readonly<Record<string, string>>,
    prepare: (container: string) => Promise<void>,
    cmd: string[],
    progress: Progress,
  ): Promise<string> {
    const name = `dozen-stack-${createHash('sha256').update(JSON.stringify(label)).digest('hex').slice(0, 12)}-${process.pid}`
    const container = await engine.create({ name, image: from, cmd, env: { PATH: ENVIRONMENT.PATH }, labels: { [LABEL.role]: 'stack-build' }, network: 'bridge', mayGainPrivileges: true }) // prettier-ignore
    try {
      await prepare(container)
      await engine.start(container)
      const exit = await engine.wait(container)
      if (exit.code !== 0) {
        const lines: string[] = []
        for await (const chunk of engine.logs(container, { follow: false })) lines.push(chunk.bytes.toString().trimEnd())
        lines.slice(-8).forEach(progress)
        throw new AppError(
          'unavailable',
          `The stack image could not be built (status ${exit.code}): is a Debian mirror reachable? Its last lines are above.`,
        )
      }
      return await engine.commit(container, {
        labels: label,
        env: ENVIRONMENT,
        workingDir: '/app',
        cmd: ['/bin/bash'],
        entrypoint: [],
      })
    } finally {
      await engine.remove(container)
    }
  }

  return {
    /** The build image, made when it is missing or its recipe has changed. Once per process; a failure is tried again by the next call. */
    ensure(progress: Progress = () => {}): Promise<{ id: string; digest: string }> {
      ready ??= build(progress).catch((cause: unknown) => {
        ready = undefined
        throw cause
      })
      return ready
    },
    /** The registry that builds use: the host's own. */
    registry: npmRegistry,
    clock,
  }
}
export type Stack = ReturnType<typeof stack>

const INSTALL = `#!/bin/bash
set -e
export DEBIAN_FRONTEND=noninteractive
if [ -f /usr/local/share/ca-certificates/host.pem ]; then
  mkdir -p /etc/ssl/certs && cp /usr/local/share/ca-certificates/host.pem ${TRUST}
fi
apt-get update -q
apt-get install -y -q --no-install-recommends "$@"
if [ -f /usr/local/share/ca-certificates/host.pem ]; then
  csplit -s -z -f /usr/local/share/ca-certificates/host- -b %03d.crt /usr/local/share/ca-certificates/host.pem '/-----BEGIN CERTIFICATE-----/' '{*}'
  update-ca-certificates > /dev/null 2>&1
fi
mkdir -p ${NODE_HOME}/bin ${NODE_HOME}/lib/node_modules/npm
tar -x -z -f /opt/dozen/node.tgz -C ${NODE_HOME} --strip-components=1
tar -x -z -f /opt/dozen/npm.tgz -C ${NODE_HOME}/lib/node_modules/npm --strip-components=1
ln -sf ../lib/node_modules/npm/bin/npm-cli.js ${NODE_HOME}/bin/npm
ln -sf ../lib/node_modules/npm/bin/npx-cli.js ${NODE_HOME}/bin/npx
chmod 755 ${NODE_HOME}/lib/node_modules/npm/bin/*.js ${NODE_HOME}/bin/node
rm -f /opt/dozen/*.tgz /opt/dozen/install
useradd --uid ${APP_UID} --home-dir /app --shell /bin/bash ${APP_USER}
mkdir -p /app /cache && chown ${APP_USER}: /app /cache
apt-get clean && rm -rf /var/lib/apt/lists/*
`

/** buildpacks/ of the checkout, whether this runs from source or bundled in dist/. */
function buildpacksFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); ; at = dirname(at)) {
    if (existsSync(join(at, 'buildpacks', 'stack'))) return join(at, 'buildpacks')
    if (at === dirname(at)) throw new Error('The folder buildpacks is missing: install dozen again.')
  }
}
