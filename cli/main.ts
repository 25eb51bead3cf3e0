import { resolve } from 'node:path'

// A reader that has seen enough (`dozen logs | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

/** The version needs next to nothing of the client, so it does not load it. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.length === 1 && ['--version', '-v', '-V'].includes(argv[0]!)) {
    process.stdout.write(`${(await import('./version.ts')).versionLine()}\n`)
    return 0
  }
  const { dispatch } = await import('./dispatch.ts')
  const program = resolve(process.argv[1] ?? 'dozen')
  return dispatch(argv, { env: process.env, cwd: process.cwd(), program, streams: process })
}

/** A pipe's writes are asynchronous: what was written goes out before the end. */
const flushed = (stream: NodeJS.WriteStream) => new Promise<void>((done) => void stream.write('', () => done()))

const code = await main(process.argv.slice(2))
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
process.exit(code)
