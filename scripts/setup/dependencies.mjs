// node_modules as package-lock.json says, and the one native package that must load: better-sqlite3.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { install } from './apt.mjs'
import { ROOT, run, which } from './programs.mjs'
import { StepFailed } from './steps.mjs'

const packagesOf = (file) => {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), 'utf8')).packages ?? {}
  } catch {
    return {}
  }
}

/** True when what npm recorded in node_modules is what the lockfile says; optional packages of other machines may be missing. */
export function isInstalled(locked, present) {
  const names = Object.keys(locked).filter((name) => name !== '')
  const isSame = names.every((name) => {
    const [want, have] = [locked[name], present[name]]
    return have ? have.version === want.version && have.integrity === want.integrity : want.optional === true
  })
  return names.length > 0 && isSame && Object.keys(present).every((name) => name in locked)
}

/** Installs without any package's scripts; the one that is needed runs in `ensureNative`. */
export async function ensureDependencies(progress) {
  if (isInstalled(packagesOf('package-lock.json'), packagesOf('node_modules/.package-lock.json'))) return 'already there'
  progress('npm ci')
  const { code, lines } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { onLine: progress })
  if (code === 127)
    throw new StepFailed('npm is not on the PATH: install it (Debian: apt-get install npm) and run `npm start` again.')
  if (code !== 0)
    throw new StepFailed(
      'npm could not install the dependencies: check that the package registry is reachable, then run `npm start` again.',
      lines,
    )
  return 'installed'
}

function loadsHere() {
  try {
    const Database = createRequire(join(ROOT, 'package.json'))('better-sqlite3')
    new Database(':memory:').close()
    return true
  } catch {
    return false
  }
}

/** A process that has seen a load fail would see it fail again, so a repaired binary is tried in another one. */
async function loads() {
  const program = "const D = require('better-sqlite3'); new D(':memory:').close()"
  return (await run(process.execPath, ['-e', program])).code === 0
}

/**
 * Makes better-sqlite3's binary load: npm ≥ 11 may leave install scripts out, and another Node.js version needs another binary.
 * Takes the published one where it can be fetched, else compiles it, for which root gets the compiler from apt.
 */
export async function ensureNative(progress) {
  if (loadsHere()) return 'already there'
  progress('npm rebuild better-sqlite3')
  const rebuild = () =>
    run('npm', ['rebuild', 'better-sqlite3', '--foreground-scripts'], { onLine: progress, env: compilerEnv() })
  let last = await rebuild()
  if (await loads()) return 'built'
  if (!['make', 'g++', 'python3'].every(which) && (await install(['build-essential', 'python3'], progress)))
    last = await rebuild()
  if (await loads()) return 'built'
  last = await compile(progress)
  if (await loads()) return 'built'
  throw new StepFailed(
    'better-sqlite3 could neither be fetched nor compiled: install a compiler (`apt-get install -y build-essential python3`) and run `npm start` again.',
    last.lines,
  )
}

/** All cores, and the headers that came with this Node.js where they did, since node-gyp would fetch them. */
function compilerEnv() {
  const prefix = dirname(dirname(process.execPath))
  const hasHeaders = existsSync(join(prefix, 'include/node/node.h'))
  return { ...process.env, JOBS: 'max', ...(hasHeaders ? { npm_config_nodedir: prefix } : {}) }
}

/** For an npm that runs no install script at all: node-gyp as npm ships it. */
function compile(progress) {
  const npm = createRequire(import.meta.url).resolve.paths('npm') ?? []
  const homes = [...npm.map((folder) => join(folder, 'npm')), '/usr/lib/node_modules/npm', '/usr/share/nodejs/npm']
  const gyp = [
    ...homes.map((home) => join(home, 'node_modules/node-gyp/bin/node-gyp.js')),
    '/usr/share/nodejs/node-gyp/bin/node-gyp.js',
  ]
  const found = gyp.find((path) => existsSync(path))
  if (!found) return Promise.resolve({ code: 127, lines: ['node-gyp is not installed'] })
  progress('node-gyp rebuild')
  return run(process.execPath, [found, 'rebuild', '--release'], {
    cwd: join(ROOT, 'node_modules/better-sqlite3'),
    onLine: progress,
    env: compilerEnv(),
  })
}
