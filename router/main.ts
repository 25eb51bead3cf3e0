import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bear, BEARER, HEIR, inherit, lendPorts } from './handover.ts'
import { startRouter } from './router.ts'
import { parseSettings } from './settings.ts'
import { startWorker } from './worker.ts'
import { hireWorkers } from './workers.ts'

const PROGRAM = fileURLToPath(import.meta.url)

/** The router process. Prints one JSON line once it listens; outlives its parent; ends on SIGTERM or when a successor took over. */
async function main(): Promise<void> {
  const settings = parseSettings(process.env)
  const router = await startRouter(settings, {
    makeFallback: async (path) => void (await once(fork(PROGRAM, ['fallback-certificate', path], { stdio: 'inherit' }), 'exit')),
    inherited: process.argv[2] === HEIR ? await inherit() : undefined,
    lend: (servers) => lendPorts(settings.folder, PROGRAM, servers),
    hire: (employer) => hireWorkers(settings.workers - 1, PROGRAM, employer),
  })
  console.log(JSON.stringify({ ready: true, http: router.http, https: router.https }))
  const stop = () => void router.close().then(() => process.exit(0))
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  void router.retired.then(() => process.exit(0))
}

/** Its work over, the process of `dozen`'s X.509 library ends and frees what it loaded. */
async function makeFallback(path: string): Promise<void> {
  const { writeFallbackCertificate } = await import('./fallback-certificate.ts')
  await writeFallbackCertificate(path)
  process.exit(0)
}

function worker(): void {
  process.on('SIGINT', () => {}) // a terminal's Ctrl-C reaches the whole group; the main process decides
  startWorker(parseSettings(process.env), () => process.exit(0))
}

// A supervisor that died closes our pipes and our channel: neither may end us.
process.on('disconnect', () => {})
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

function run(): Promise<void> {
  if (process.argv[2] === 'worker') return Promise.resolve(worker())
  if (process.argv[2] === BEARER) return Promise.resolve(bear())
  if (process.argv[2] === 'fallback-certificate') return makeFallback(process.argv[3]!)
  return main()
}

run().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
