// The Node.js buildpack: one program, since each start of Node.js would cost more than what most of its steps do.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { restoreDirectories } from './cache-directories.mjs'
import { chooseManager, forget, makeAvailable } from './managers.mjs'
import { chooseNode } from './node-version.mjs'
import { fail, run, runScript, step, succeeds, warn } from './tell.mjs'

let build, cache, envDir

/** The config vars, byte for byte, but for those that would change the buildpack itself. */
function readConfig() {
  const own = /^(PATH|HOME|PWD|SHLVL|BASH_ENV|ENV|LD_.*|GIT_.*|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|IFS)$/
  if (!envDir || !existsSync(envDir)) return {}
  const names = readdirSync(envDir).filter((name) => !own.test(name))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(envDir, name), 'utf8')]))
}

function readManifest() {
  try {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8').replace(/^\ufeff/, ''))
    if (manifest === null || typeof manifest !== 'object' || Array.isArray(manifest)) throw new Error('it is no object')
    return manifest
  } catch (error) {
    fail(`package.json is not valid JSON: ${error.message}`, 'Repair it (npm install tells the line), commit it and push again.')
  }
}

/** Installed once per lockfile, Node.js and settings: then it is unpacked, and no package manager runs. */
function installDependencies(manager, manifest, env, nodeVersion) {
  const isLastChange = !changesLater(manifest) && !isOneOfSeveral()
  const scripts = manifest.scripts ?? {}
  const ownHooks = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => scripts[name])
  const isCacheable = manager.lockfile && ownHooks.length === 0 && !manifest.workspaces && env.NODE_MODULES_CACHE !== 'false'
  if (manager.zips) return withZips(manager, env)
  if (!isCacheable) return manager.install(env)
  const inputs = [manager.name, manager.version, nodeVersion, env.NODE_ENV ?? '', env.NPM_CONFIG_REGISTRY ?? '']
  const files = [manager.lockfile, 'package.json', '.npmrc', '.yarnrc', '.yarnrc.yml', 'pnpm-workspace.yaml'].filter(existsSync)
  const hash = createHash('sha256').update(inputs.join('\0'))
  for (const file of files)
    hash.update(`\0${file}\0`).update(file === 'package.json' ? dependencyPart(manifest) : readFileSync(file))
  const key = hash.digest('hex').slice(0, 32)
  const folder = join(cache, 'node_modules.d')
  const kept = join(folder, `${key}.tar`)
  if (existsSync(kept) && succeeds('tar', ['-x', '-f', kept, '-C', '/', MODULES]))
    return step(`Restoring node_modules: ${manager.lockfile} is unchanged`)
  manager.install(env)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (!existsSync('node_modules')) return
  if (isLastChange) return writeFileSync('/tmp/keep-tree', kept) // the result's own tar holds them: stack/build puts a copy there
  if (succeeds('tar', ['-c', '-f', `${kept}.tmp`, '-C', '/', MODULES])) renameSync(`${kept}.tmp`, kept)
}

/** Members of a kept tar, which starts at the root as the result's own does. */
const MODULES = 'app/node_modules'
/** Whether other buildpacks come after this one. */
const isOneOfSeveral = () =>
  existsSync('/tmp/head/order') && readFileSync('/tmp/head/order', 'utf8').trim().split('\n').length > 1

/** Zips of an earlier build, unless the repository brings its own (zero-install). */
function withZips(manager, env) {
  const kept = join(cache, 'zips')
  const isCommitted = existsSync(manager.zips)
  if (!isCommitted && existsSync(kept) && succeeds('mkdir', ['-p', manager.zips]))
    succeeds('cp', ['-a', `${kept}/.`, manager.zips])
  manager.install(env)
  rmSync(kept, { recursive: true, force: true })
  if (!isCommitted && existsSync(manager.zips)) succeeds('cp', ['-a', manager.zips, kept])
}

/** What of package.json decides about node_modules: a changed script or version does not. */
function dependencyPart(manifest) {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies, overrides, resolutions, pnpm, engines } =
    manifest
  return JSON.stringify([
    dependencies,
    devDependencies,
    optionalDependencies,
    peerDependencies,
    overrides,
    resolutions,
    pnpm,
    engines,
  ])
}

/** Whether a script or the pruning may change node_modules after the installation. */
const changesLater = ({ scripts = {}, devDependencies = {} }) =>
  Object.keys(devDependencies).length > 0 || ['build', 'heroku-postbuild', 'heroku-cleanup'].some((name) => scripts[name])

/**
 * For bin/release, which would need a program of its own to read package.json. A Procfile without `web` of an app that has nothing
 * to start is one of workers alone: no web that could only crash.
 */
function writeRelease(scripts) {
  const command = existsSync('server.js') && !scripts.start ? 'node server.js' : 'npm start'
  const isWorkersOnly = existsSync('Procfile') && !scripts.start && !existsSync('server.js')
  const text = isWorkersOnly ? '--- {}\n' : `---\ndefault_process_types:\n  web: ${command}\n`
  writeFileSync(new URL('./release.yml', import.meta.url), text)
}

function writeProfile() {
  mkdirSync('.profile.d', { recursive: true })
  const ownNode = existsSync('/app/.heroku/node/bin') ? '/app/.heroku/node/bin:' : ''
  writeFileSync(
    '.profile.d/nodejs.sh',
    `export PATH="${ownNode}/app/.heroku/yarn/bin:$PATH:/app/bin:/app/node_modules/.bin"
export NODE_HOME="\${NODE_HOME:-${ownNode ? '/app/.heroku/node' : '/opt/dozen/node'}}"
export NODE_ENV="\${NODE_ENV:-production}"
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)
case "$limit" in ''|max|???????????????*) memory=512 ;; *) memory=$((limit / 1048576)) ;; esac
export MEMORY_AVAILABLE="\${MEMORY_AVAILABLE:-$memory}" WEB_MEMORY="\${WEB_MEMORY:-512}"
concurrency=$((MEMORY_AVAILABLE / WEB_MEMORY))
export WEB_CONCURRENCY="\${WEB_CONCURRENCY:-$((concurrency > 0 ? concurrency : 1))}"
unset limit memory concurrency
`,
  )
}

/** bin/compile BUILD_DIR CACHE_DIR ENV_DIR. */
export function compile(...folders) {
  ;[build, cache, envDir] = folders
  process.chdir(build)
  const config = readConfig()
  const manifest = readManifest()
  const scripts = manifest.scripts ?? {}
  const manager = chooseManager(manifest)
  const env = { ...process.env, NODE_ENV: 'production', ...config }
  env.npm_config_cache = join(cache, 'npm')
  for (const [name, value] of Object.entries({ update_notifier: 'false', fund: 'false', audit: 'false' }))
    env[`npm_config_${name}`] = value
  env.PATH = `${join(build, 'node_modules/.bin')}:${env.PATH}`
  const nodeVersion = chooseNode(manifest, env, { build, cache })
  // Native addons compile against the headers that came with this Node.js, so that nothing has to be fetched for them.
  const home = [join(build, '.heroku/node'), '/opt/dozen/node'].find((folder) => existsSync(join(folder, 'bin/node')))
  if (home && existsSync(join(home, 'include/node/node.h'))) env.npm_config_nodedir ??= home
  makeAvailable(manager, env, { build, cache })
  step(`Using Node.js ${nodeVersion} and ${manager.name} ${manager.version}`)
  if (existsSync('node_modules')) {
    warn('node_modules is committed to git, so it is made anew. Remove it with: git rm -r --cached node_modules')
    rmSync('node_modules', { recursive: true, force: true })
  }
  const keepDirectories = restoreDirectories(manifest, cache)
  if (scripts['heroku-prebuild']) runScript('heroku-prebuild', manager, env)
  installDependencies(manager, manifest, env, nodeVersion)
  if (scripts['heroku-postbuild']) runScript('heroku-postbuild', manager, env)
  else if (scripts.build) runScript('build', manager, env)
  keepDirectories()
  prune(manager, manifest, env)
  if (scripts['heroku-cleanup']) runScript('heroku-cleanup', manager, env)
  forget()
  writeProfile()
  writeRelease(scripts)
  if (!scripts.start && !existsSync('Procfile') && !existsSync('server.js'))
    warn('There is no Procfile, no start script and no server.js: say how to start the app in one of them.')
  step('Build succeeded')
}

function prune(manager, manifest, env) {
  const hasDevelopment = Object.keys(manifest.devDependencies ?? {}).length > 0
  if (!hasDevelopment || !existsSync('node_modules')) return
  const setting = env.NPM_CONFIG_PRODUCTION === 'false' || env.YARN_PRODUCTION === 'false' || env.PNPM_SKIP_PRUNING === 'true'
  if (setting || env.NODE_ENV !== 'production') return step('Keeping devDependencies, because a config var says so')
  step('Pruning devDependencies')
  if (!run(manager.prune, env)) warn('devDependencies could not be pruned: the image is larger than it need be.')
}
