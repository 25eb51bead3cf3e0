import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { debianMirrors, hostCertificates } from './host.ts'
import { digest, filesBelow, type PackedFile } from './pack.ts'

export const DEBIAN = 'bookworm'
export const NODE_MAJOR = '22'
export const NPM = 'npm@10'

/** The certificates that the host trusts, as `install` and `adopt` look for them. */
const trusted = (certificates: Buffer | undefined): PackedFile[] =>
  certificates ? [{ name: 'usr/local/share/ca-certificates/host.pem', content: certificates }] : []

/** What the host lends its images: the certificates it trusts and where it gets Debian packages. */
export function surroundings(): PackedFile[] {
  const { main, security } = debianMirrors()
  const sources = [
    ...(main ? [`deb ${main} ${DEBIAN} main`, `deb ${main} ${DEBIAN}-updates main`] : []),
    ...(security ? [`deb ${security} ${DEBIAN}-security main`] : []),
  ]
  return [
    ...trusted(hostCertificates()),
    // Buildpacks print this file, so it is there even where nothing is to be said: then the image's own sources.list.d counts.
    { name: 'etc/apt/sources.list', content: sources.length > 0 ? `${sources.join('\n')}\n` : '# see sources.list.d\n' },
  ]
}

/** buildpacks/ as read once: a controller keeps the stack that it started with. */
export function readRecipe(certificates: Buffer | undefined = hostCertificates()) {
  const files = filesBelow(buildpacksFolder()).filter(({ name }) => name !== 'README.md')
  const file = (name: string) => files.find((one) => one.name === `stack/${name}`)!
  const lines = (name: string) => file(name).content.toString().split('\n').filter(Boolean)
  const [runPackages, buildPackages] = [lines('packages-run.txt'), lines('packages-build.txt')]
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  const at = (name: string, path: string, owner = 0) => ({ ...file(name), name: path, owner })
  const base = createHash('sha256')
    .update([DEBIAN, NODE_MAJOR, NPM, arch, ...runPackages, '', ...buildPackages].join('\n'))
    .update(file('install').content)
    .update(certificates ?? '')
  const ours = files.filter(({ name }) => !name.startsWith('stack/'))
  const buildFiles = [
    at('build', 'opt/dozen/build'),
    ...files
      .filter(({ name }) => name.startsWith('stack/shims/'))
      .map((one) => ({ ...one, name: one.name.replace('stack', 'opt/dozen') })),
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
    /** Of what somebody else's images get. */
    adopted: digest([...files, ...trusted(certificates)]),
    trusted: trusted(certificates),
    install: at('install', 'opt/dozen/install'),
    adopt: at('adopt', 'opt/dozen/adopt'),
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
