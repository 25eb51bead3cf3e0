// engines.node: the stack's own Node.js when it satisfies the range, else the newest published one that does.
import { createRequire } from 'node:module'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail, outputOf, run, step, warn } from './tell.mjs'

const NPM_HOME = '/opt/dozen/node/lib/node_modules/npm'
const semver = createRequire(import.meta.url)(join(NPM_HOME, 'node_modules/semver'))
const BUILT_IN = process.version.slice(1)

/** Puts the Node.js that the app wants first on env.PATH and returns its version: "22.11.0". */
export function chooseNode(manifest, env, { build, cache }) {
  const range = wantedRange(manifest)
  if (range === undefined) return BUILT_IN
  if (semver.validRange(range) === null)
    fail(`The Node.js version ${JSON.stringify(range)} that the app asks for is no version range.`, 'Write one such as "22.x" in package.json under engines.node, and push again.') // prettier-ignore
  if (env.NODE_BINARY_URL === undefined && semver.satisfies(BUILT_IN, range)) return BUILT_IN
  const version = newest(range, env)
  const folder = join(build, '.heroku', 'node')
  install(version, folder, env, cache)
  env.PATH = `${join(folder, 'bin')}:${env.PATH}`
  return version
}

/** engines.node, else .node-version or .nvmrc. */
function wantedRange(manifest) {
  const named = manifest.engines?.node
  if (typeof named === 'string' && named.trim() !== '') {
    if (/^\s*(\*|>=?\s*[\d.]+)\s*$/.test(named)) warn(`engines.node is ${JSON.stringify(named)}, which also allows versions that do not exist yet; "22.x" would not.`) // prettier-ignore
    return named.trim()
  }
  for (const file of ['.node-version', '.nvmrc']) {
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8').trim().replace(/^v/, '')
    if (semver.validRange(text) !== null) return text
  }
  return undefined
}

const packageName = () => `node-linux-${process.arch === 'arm64' ? 'arm64' : 'x64'}`

function newest(range, env) {
  step(`Resolving Node.js ${range}`)
  const published = outputOf('npm', ['view', packageName(), 'versions', '--json'], { env })
  if (published === undefined) fail(`The stack has Node.js ${BUILT_IN}, the app asks for ${range}, and the npm registry did not answer.`, 'Push again when it does, or widen engines.node so that it includes the stack\'s version.') // prettier-ignore
  const version = semver.maxSatisfying([JSON.parse(published)].flat(), range)
  if (!version)
    fail(
      `No published Node.js satisfies ${range}. The stack has ${BUILT_IN}.`,
      'Change engines.node in package.json and push again.',
    )
  return version
}

function install(version, folder, env, cache) {
  const kept = join(cache, 'node', version)
  if (!existsSync(join(kept, 'bin/node'))) {
    step(`Fetching Node.js ${version}`)
    rmSync(join(cache, 'node'), { recursive: true, force: true })
    mkdirSync(`${kept}.tmp`, { recursive: true })
    if (!run(['npm', 'pack', '--silent', '--pack-destination', `${kept}.tmp`, `${packageName()}@${version}`], env))
      fail(`Node.js ${version} could not be fetched from the npm registry. Push again when it answers.`)
    const [archive] = readdirSync(`${kept}.tmp`)
    if (
      !run(
        ['tar', '-x', '-z', '-f', join(`${kept}.tmp`, archive), '-C', `${kept}.tmp`, '--strip-components=1', '--no-same-owner'],
        env,
      )
    )
      fail(`The package of Node.js ${version} could not be unpacked.`)
    rmSync(join(`${kept}.tmp`, archive))
    renameSync(`${kept}.tmp`, kept)
  }
  mkdirSync(join(folder, 'bin'), { recursive: true })
  run(['cp', '-a', join(kept, 'bin/node'), join(folder, 'bin/node')], env)
  run(['chmod', '755', join(folder, 'bin/node')], env)
}
