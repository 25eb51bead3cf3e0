import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/**
 * Takes `name` for `home` until this process ends: on Linux an abstract socket, which the kernel frees with its owner (unix(7)), so no crash
 * leaves it taken. Resolves with the function that frees it; rejects EADDRINUSE when somebody else has it.
 */
export function lock(home: string, name: string): Promise<() => void> {
  const digest = createHash('sha256').update(home).digest('hex').slice(0, 32)
  const path = process.platform === 'linux' ? `\0dozen-${name}-${digest}` : join(home, `${name}.lock`)
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy()).unref()
    server.once('error', reject)
    server.listen(path, () =>
      resolve(() => {
        server.close()
        if (!path.startsWith('\0')) rmSync(path, { force: true })
      }),
    )
  })
}
