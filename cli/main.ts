import { resolve } from 'node:path'
import { dispatch } from './dispatch.ts'

// A reader that has seen enough (`dozen logs | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const code = await dispatch(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  program: resolve(process.argv[1] ?? 'dozen'),
  streams: process,
})

/** A pipe's writes are asynchronous: what was written goes out before the end. */
const flushed = (stream: NodeJS.WriteStream) => new Promise<void>((done) => void stream.write('', () => done()))
await Promise.all([flushed(process.stdout), flushed(process.stderr)])
process.exit(code)
