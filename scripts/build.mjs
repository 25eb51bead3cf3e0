// Bundles the four programs into dist/: one file each plus shared chunks, so that each starts by reading little.
import { build } from 'esbuild'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Programs → dist/<path>.js. Packages stay outside, except for the CLI's, whose start-up time is felt. */
export async function bundle() {
  rmSync(`${root}/dist`, { recursive: true, force: true })
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    absWorkingDir: root,
    outbase: '.',
    outdir: 'dist',
    logLevel: 'warning',
    sourcemap: true,
  }
  await build({
    ...common,
    entryPoints: ['server/main.ts', 'server/supervisor.ts', 'router/main.ts'],
    packages: 'external',
    splitting: true,
  })
  await build({
    ...common,
    entryPoints: ['cli/main.ts'],
    splitting: true,
    chunkNames: 'cli/chunks/[name]-[hash]',
    banner: {
      js: "import { createRequire as dozenCreateRequire } from 'node:module'; const require = dozenCreateRequire(import.meta.url);",
    },
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
