// Bundles the programs into dist/: one file each plus shared chunks, so that each starts by reading little.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const SOURCES = ['server', 'router', 'cli', 'db']
const PROGRAMS = [
  'server/main.ts',
  'server/supervisor.ts',
  'server/stack/main.ts',
  'server/backup/main.ts',
  'server/git/hook/main.ts',
  'router/main.ts',
]
const STAMP = 'dist/.inputs'

/**
 * Programs → dist/<path>.js, packages included, since looking for their many files takes a program that starts longer than all else; but for the native one.
 * dist/ is replaced as a whole once everything is bundled; a failed build leaves the old one.
 */
export async function bundle() {
  const inputs = fingerprint()
  const fresh = `.dist-${process.pid}`
  try {
    await bundleInto(fresh)
    writeFileSync(join(root, fresh, '.inputs'), inputs)
    rmSync(join(root, `${fresh}-old`), { recursive: true, force: true })
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), join(root, `${fresh}-old`))
    renameSync(join(root, fresh), join(root, 'dist'))
  } finally {
    for (const folder of [fresh, `${fresh}-old`]) rmSync(join(root, folder), { recursive: true, force: true })
  }
}

async function bundleInto(outdir) {
  const { build } = await import('esbuild')
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    absWorkingDir: root,
    outbase: '.',
    outdir,
    logLevel: 'warning',
    sourcemap: true,
    splitting: true,
  }
  const banner = {
    js: "import { createRequire as dozenCreateRequire } from 'node:module'; const require = dozenCreateRequire(import.meta.url);",
  }
  await build({
    ...common,
    banner,
    entryPoints: PROGRAMS,
    external: ['better-sqlite3'],
    alias: { ssh2: './scripts/absent.cjs' },
    plugins: [protoFiles],
  })
  await build({ ...common, banner, entryPoints: ['cli/main.ts'], chunkNames: 'cli/chunks/[name]-[hash]' })
}

/** dockerode reads .proto files beside its own: in a bundle it is told where they are. */
const protoFiles = {
  name: 'proto files of dockerode',
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]dockerode[/\\]lib[/\\](session|buildkit)\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('__dirname', "require('path').dirname(require.resolve('dockerode'))"),
    }))
  },
}

/** What the bundles depend on, by path, size and time of change. */
export function fingerprint() {
  const hash = createHash('sha256')
  const files = SOURCES.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((file) => join(folder, file)),
  )
  const isInput = (file) => file.endsWith('.ts') && !file.endsWith('.test.ts')
  for (const file of [...files.filter(isInput).sort(), 'scripts/build.mjs', 'package-lock.json']) {
    const { mtimeMs, size } = statSync(join(root, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** Builds unless dist/ was made from what is there now. */
export async function ensureBuilt() {
  const stamp = join(root, STAMP)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) return 'already there'
  await bundle()
  return 'bundled'
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
