import { startRouter } from './router.ts'
import { parseSettings } from './settings.ts'

/** The router process. Prints one JSON line once it listens; outlives its parent; ends on SIGTERM or when a successor took over. */
async function main(): Promise<void> {
  const router = await startRouter(parseSettings(process.env))
  console.log(JSON.stringify({ ready: true, http: router.http, https: router.https }))
  const stop = () => void router.close().then(() => process.exit(0))
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  void router.retired.then(() => process.exit(0))
}

// A supervisor that died closes our pipes and our channel: writing to them must not end us.
process.on('disconnect', () => {})
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

main().catch((error: Error) => {
  console.error(error.message)
  process.exit(1)
})
