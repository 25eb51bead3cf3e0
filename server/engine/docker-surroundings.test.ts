import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { dockerEngine } from './docker.ts'

/** On a real engine this would take others' caches: what is asked of it is all that is looked at. */
it('cuts BuildKit’s cache back to what it is told, and never further', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-engine-'))
  const socket = join(folder, 'engine.sock')
  const asked: string[] = []
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`)
    res.end('{}')
  }).listen(socket)
  await dockerEngine({ socket }).pruneBuildCache(5_000_000_000)
  server.close()
  rmSync(folder, { recursive: true })
  expect(asked).toEqual(['POST /build/prune?all=true&keep-storage=5000000000'])
})
