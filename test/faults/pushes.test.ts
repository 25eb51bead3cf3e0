import Docker from 'dockerode'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sizeOf } from '../../server/disk/usage.ts'
import { type Files, useWorld } from '../support/world.ts'

const PUSHES = Number(process.env.DOZEN_PUSHES ?? 200)
const KEPT = 5
/** Large in each image, where nothing is compressed; small in the repository, which keeps it for ever. */
const BULK = 2 * 1024 ** 2
/** A tenth of what the images of all pushes would take. For everything that the pushes leave: layers of images, repository, build cache, logs. */
const BUDGET = 40 * 1024 ** 2
const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })
const world = useWorld({
  env: { DOZEN_KEEP_RELEASES: String(KEPT), DOZEN_WATCH_WINDOW: '0', DOZEN_STOP_TIMEOUT: '1s', DOZEN_PROOF_TIME: '500ms' },
})

/** The cheapest app that is real: nothing to compile or to install. */
const version = (n: number): Files => ({
  Procfile: 'web: python3 server.py\n',
  'server.py': `import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"push ${n} of many")
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Answer).serve_forever()
`,
  'bulk.bin': Buffer.alloc(BULK, `${n} is another number than before `),
})

type Release = { version: number; eligible_for_rollback: boolean }
type Disk = { items: { name: string; bytes: number; parts: Record<string, number> }[] }

describe('a long life', () => {
  it(`${PUSHES} pushes stay within a small budget, and each eligible rollback works`, async () => {
    const app = await world.create('busy')
    for (let n = 1; n <= PUSHES; n++) {
      await world.push(app, version(n))
      if (n % 20 === 0) console.log(`${n} pushes after ${Math.round(performance.now() / 1000)} s`)
    }
    const images = async () =>
      (await docker.listImages({ filters: { label: [`dozen.instance=${world.instance}`, 'dozen.role=image'] } })).length
    await world.until(async () => (await images()) <= KEPT, 120_000, `${KEPT} images are left`)
    const { items } = (await world.api<Disk>('GET', '/disk')).body
    const { bytes, parts } = items.find(({ name }) => name === app)!
    console.log(`${PUSHES} pushes: ${bytes} bytes`, parts, 'home', await sizeOf(join(world.home, 'dozen.db')))
    expect(bytes).toBeLessThan(BUDGET)
    expect(parts['images']).toBeLessThan(KEPT * 1.5 * BULK)
    const { body } = await world.api<Release[]>('GET', `/apps/${app}/releases`)
    const eligible = body.filter((release) => release.eligible_for_rollback).map(({ version }) => version)
    expect(eligible.length).toBeGreaterThanOrEqual(KEPT - 1)
    for (const one of eligible.filter((release) => release <= PUSHES)) {
      await world.cliOk('rollback', `v${one}`, '-a', app)
      await world.expectUp(app, `push ${one - 1} of many`)
    }
  }, 3_600_000)
})
