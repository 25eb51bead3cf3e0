// npm, yarn and pnpm: which one an app uses, and how each installs exactly what its lockfile says.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, outputOf, run, step, warn } from './tell.mjs'

const NPM_HOME = '/opt/dozen/node/lib/node_modules/npm'
const LOCKFILES = { 'package-lock.json': 'npm', 'npm-shrinkwrap.json': 'npm', 'yarn.lock': 'yarn', 'pnpm-lock.yaml': 'pnpm' }
const DEFAULTS = { yarn: '1', pnpm: '9' }

/** By lockfile and `packageManager`; refuses two lockfiles, and a lockfile of another manager than the named one. */
export function chooseManager(manifest) {
  const found = Object.keys(LOCKFILES).filter((file) => existsSync(file))
  const kinds = [...new Set(found.map((file) => LOCKFILES[file]))]
  if (kinds.length > 1)
    fail(`There are lockfiles of two package managers: ${found.join(' and ')}. They would install different versions.`, 'Keep the one that you use, remove the other with git rm, and push again.') // prettier-ignore
  const [, named, version] = /^(npm|yarn|pnpm)@([0-9][^+\s]*)/.exec(manifest.packageManager ?? '') ?? []
  if (named && kinds[0] && named !== kinds[0])
    fail(`package.json says packageManager ${manifest.packageManager}, but the lockfile is ${found[0]}.`, `Remove one of the two, or make the lockfile with ${named}, and push again.`) // prettier-ignore
  const name = named ?? kinds[0] ?? 'npm'
  const wanted = version ?? manifest.engines?.[name] ?? DEFAULTS[name]
  const lockfile = found.includes('npm-shrinkwrap.json') ? 'npm-shrinkwrap.json' : found[0]
  return { npm, yarn, pnpm }[name]({ lockfile, wanted })
}

const OUT_OF_STEP = (file, command) => [
  `${file} and package.json do not agree, or a package could not be fetched: the lines above say which.`,
  `Run ${command}, commit both files and push again.`,
]

function npm({ lockfile, wanted }) {
  const version = JSON.parse(readFileSync(join(NPM_HOME, 'package.json'), 'utf8')).version
  return {
    name: 'npm',
    version,
    wanted,
    lockfile,
    run: ['npm', 'run', '--silent'],
    prune: ['npm', 'prune', '--omit=dev', '--ignore-scripts'],
    install(env) {
      if (!lockfile)
        warn('There is no lockfile, so the next build may install other versions. Run npm install and commit package-lock.json.')
      const command = ['npm', lockfile ? 'ci' : 'install', '--include=dev', ...(lockfile ? [] : ['--no-package-lock'])]
      step(`Installing dependencies (${command.slice(0, 2).join(' ')})`)
      if (!run(command, env))
        fail(...(lockfile ? OUT_OF_STEP(lockfile, 'npm install') : ['npm install failed: the lines above say why.']))
    },
  }
}

function yarn({ lockfile, wanted }) {
  const isBerry = existsSync('.yarnrc.yml') || /^[2-9]/.test(wanted ?? '') || isBerryLock(lockfile)
  const linksModules = isBerry && /^\s*nodeLinker:\s*["']?(node-modules|pnpm)\b/m.test(textOf('.yarnrc.yml'))
  return {
    name: 'yarn',
    package: isBerry ? '@yarnpkg/cli-dist' : 'yarn',
    version: wanted,
    wanted: isBerry && wanted === DEFAULTS.yarn ? '4' : wanted,
    lockfile,
    /** Plug'n'Play: the program reads its packages from the zips in this folder, so they are part of the app. */
    zips: isBerry && !linksModules ? '.yarn/cache' : undefined,
    run: isBerry ? ['yarn', 'run'] : ['yarn', 'run', '--silent'],
    settings(env) {
      if (!this.zips) env.YARN_CACHE_FOLDER = join(env.npm_config_cache, '../yarn')
      env.YARN_GLOBAL_FOLDER = join(env.npm_config_cache, '../berry')
      env.YARN_ENABLE_GLOBAL_CACHE = 'false'
      env.YARN_ENABLE_TELEMETRY = 'false'
    },
    prune: isBerry ? ['yarn', 'workspaces', 'focus', '--all', '--production'] : ['yarn', 'install', '--production', '--frozen-lockfile', '--ignore-scripts', '--prefer-offline'], // prettier-ignore
    install(env) {
      step('Installing dependencies (yarn install)')
      const flags = isBerry
        ? ['--immutable']
        : lockfile
          ? ['--frozen-lockfile', '--production=false']
          : ['--production=false', '--no-lockfile']
      if (!lockfile) warn('There is no yarn.lock, so the next build may install other versions. Run yarn install and commit it.')
      if (!run(['yarn', 'install', ...flags, ...(isBerry ? [] : ['--non-interactive'])], env))
        fail(...OUT_OF_STEP('yarn.lock', 'yarn install'))
    },
  }
}

const textOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
const isBerryLock = (lockfile) => lockfile === 'yarn.lock' && /^__metadata:/m.test(textOf(lockfile))

function pnpm({ lockfile, wanted }) {
  return {
    name: 'pnpm',
    package: 'pnpm',
    version: wanted,
    wanted,
    lockfile,
    run: ['pnpm', 'run', '--silent'],
    settings(env) {
      env.npm_config_store_dir = join(env.npm_config_cache, '../pnpm')
      env.npm_config_package_import_method = 'copy'
    },
    prune: ['env', 'CI=true', 'pnpm', 'prune', '--prod', '--ignore-scripts'], // it would ask before it removes
    install(env) {
      step('Installing dependencies (pnpm install)')
      if (!lockfile)
        warn('There is no pnpm-lock.yaml, so the next build may install other versions. Run pnpm install and commit it.')
      const flags = [lockfile ? '--frozen-lockfile' : '--no-lockfile', '--prod=false', '--reporter=append-only']
      if (!run(['pnpm', 'install', ...flags], { ...env, CI: 'true' })) fail(...OUT_OF_STEP('pnpm-lock.yaml', 'pnpm install'))
    },
  }
}

/** What a manager notes of the installation itself (when it was, how it went) and needs no more: with it no two images would be the same. */
export function forget() {
  for (const [file, pattern, instead] of NOTES) {
    if (!existsSync(file)) continue
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(pattern, instead))
  }
  rmSync('.yarn/install-state.gz', { force: true })
}
const NOTES = [
  ['node_modules/.modules.yaml', /(prunedAt"?: ).*?(,?)$/m, '$1"Tue, 01 Jan 1980 00:00:00 GMT"$2'],
  ['node_modules/.pnpm-workspace-state.json', /("lastValidatedTimestamp": )\d+/, (_, name) => name + '0'],
]

/** npm is part of the stack; the others, and another npm, come from the registry in effect, once per version and app. */
export function makeAvailable(manager, env, { build, cache }) {
  // For the scripts and the pruning too, also after node_modules was restored: with other folders they would leave packages of their own in the app.
  manager.settings?.(env)
  if (manager.name === 'npm') return upgradeNpm(manager, env, cache)
  const { version, bin } = fetched(manager.package, manager.wanted, env, cache)
  manager.version = version
  env.PATH = `${bin}:${env.PATH}`
  const target = join(build, '.heroku', 'yarn')
  mkdirSync(target, { recursive: true }) // at run time too: `yarn start` in a Procfile
  if (!run(['cp', '-a', `${join(bin, '../..')}/.`, target], env)) fail(`${manager.name} could not be put beside the app.`)
  mkdirSync(join(target, 'bin'), { recursive: true })
  run(['ln', '-sf', ...[...namesOf(manager)].map((name) => `../node_modules/.bin/${name}`), join(target, 'bin')], env)
}

const namesOf = (manager) =>
  manager.name === 'yarn' ? ['yarn', 'yarnpkg'].slice(0, manager.package === 'yarn' ? 2 : 1) : ['pnpm', 'pnpx']

function upgradeNpm(manager, env, cache) {
  if (!manager.wanted) return
  const semver = join(NPM_HOME, 'node_modules/semver/bin/semver.js')
  if (outputOf(process.execPath, [semver, '-r', manager.wanted, manager.version])) return
  const { version, bin } = fetched('npm', manager.wanted, env, cache)
  manager.version = version
  env.PATH = `${bin}:${env.PATH}`
}

/** Installs a package manager into the app's cache: { version, bin }. */
function fetched(name, wanted, env, cache) {
  const folder = join(cache, 'managers', `${name.replace('/', '-')}@${wanted}`.replace(/[^A-Za-z0-9@._-]/g, '_'))
  const manifest = join(folder, 'node_modules', name, 'package.json')
  if (!existsSync(manifest)) {
    step(`Fetching ${name} ${wanted}`)
    mkdirSync(folder, { recursive: true })
    const flags = ['--prefix', folder, '--no-save', '--no-package-lock', '--silent', '--ignore-scripts', '--include=prod']
    if (!run(['npm', 'install', ...flags, `${name}@${wanted}`], env))
      fail(
        `${name} ${wanted} could not be fetched from the npm registry. Name a published version in package.json (packageManager) and push again.`,
      )
  }
  return { version: JSON.parse(readFileSync(manifest, 'utf8')).version, bin: join(folder, 'node_modules', '.bin') }
}
