// What benchmarks of the router alone share: the program, bundled as it is shipped, on free ports, with a table of theirs.
import { build } from 'esbuild'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** `apps`: name → addresses. Resolves with ports, `route(apps)`, `counts()` and `stop()`, which removes everything. */
export async function startRouter(apps, { workers = 1, flags = [] } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'dozen-bench-'))
  await build({
    entryPoints: [`${root}/router/main.ts`], outdir: join(dir, 'router'), bundle: true, splitting: true, platform: 'node', target: 'node20', format: 'esm',
    packages: 'external', outExtension: { '.js': '.mjs' }, logLevel: 'error', nodePaths: [join(root, 'node_modules')],
  }) // prettier-ignore
  await import('node:fs').then(({ symlinkSync }) => symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules')))
  const env = {
    ...process.env, DOZEN_HOME: join(dir, 'home'), DOZEN_HTTP_HOST: '127.0.0.1', DOZEN_HTTP_PORT: '0', DOZEN_HTTPS_PORT: '0',
    DOZEN_ROUTER_WORKERS: String(workers),
  } // prettier-ignore
  const child = spawn(
    process.execPath,
    [...flags, '--max-semi-space-size=4', '--no-parallel-scavenge', join(dir, 'router/main.mjs')],
    {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [line] = await once(child.stdout, 'data')
  const ready = JSON.parse(String(line))
  const socketPath = join(dir, 'home/router/control.sock')
  let version = 0
  const router = {
    child,
    port: ready.http.port,
    tlsPort: ready.https.port,
    spool: join(dir, 'home/router/requests'),
    route: (given) =>
      call({ socketPath, method: 'PUT', path: '/table' }, JSON.stringify({ version: ++version, apps: tableOf(given) })),
    counts: async () => JSON.parse(await call({ socketPath, path: '/counts' })),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await router.route(apps)
  return router
}

const tableOf = (apps) =>
  Object.entries(apps).map(([name, addresses]) => ({
    id: name,
    name,
    hosts: [`${name}.localhost`],
    state: 'serving',
    maintenance: false,
    targets: addresses.map((address, i) => ({ dyno: `web.${i + 1}`, address })),
  }))

/** The body of the answer. */
export function call(options, body) {
  return new Promise((resolve, reject) => {
    const req = http.request({ agent: false, ...options }, (res) => {
      let text = ''
      res.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('error', reject).on('end', () => resolve(text)) // prettier-ignore
    })
    req.on('error', reject)
    req.end(body)
  })
}
