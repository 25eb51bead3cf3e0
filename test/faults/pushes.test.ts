import Docker from 'dockerode'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sizeOf } from '../../server/disk/usage.ts'
import { nodeApp, useWorld } from '../support/world.ts'

const PUSHES = Number(process.env.DOZEN_PUSHES ?? 200)
const KEPT = 5
/** For everything that the pushes leave: layers of images, repository, build cache, logs. */
const BUDGET = 64 * 1024 ** 2
const docker = new Docker({ socketPath: process.env.DOZEN_DOCKER_SOCKET || '/var/run/docker.sock' })
const world = useWorld({
  env: { DOZEN_KEEP_RELEASES: String(KEPT), DOZEN_WATCH_WINDOW: '0', DOZEN_STOP_TIMEOUT: '1s', DOZEN_PROOF_TIME: '500ms' },
})

type Release = { version: number; eligible_for_rollback: boolean }
type Disk = { items: { name: string; bytes: number; parts: Record<string, number> }[] }

it(`${PUSHES} pushes stay within a small budget, and each eligible rollback works`, async () => {
  const app = await world.create('busy')
  const bulk = (n: number) => Buffer.alloc(100_000, `${n} is another number than before `)
  for (let n = 1; n <= PUSHES; n++) {
    await world.push(app, { ...nodeApp(`push ${n}`), 'bulk.bin': bulk(n) })
    if (n % 20 === 0) console.log(`${n} pushes after ${Math.round(performance.now() / 1000)} s`)
  }
  const images = async () =>
    (await docker.listImages({ filters: { label: [`dozen.instance=${world.instance}`, 'dozen.role=image'] } })).length
  await world.until(async () => (await images()) <= KEPT, 120_000, `${KEPT} images are left`)
  const { items } = (await world.api<Disk>('GET', '/disk')).body
  const { bytes, parts } = items.find(({ name }) => name === app)!
  console.log(`${PUSHES} pushes: ${bytes} bytes`, parts, 'home', await sizeOf(join(world.home, 'dozen.db')))
  expect(bytes).toBeLessThan(BUDGET)
  expect(parts['images']).toBeLessThan(KEPT * 2 * 1024 ** 2)
  const { body } = await world.api<Release[]>('GET', `/apps/${app}/releases`)
  const eligible = body.filter((release) => release.eligible_for_rollback).map(({ version }) => version)
  expect(eligible.length).toBeGreaterThanOrEqual(KEPT - 1)
  for (const version of eligible.filter((one) => one <= PUSHES)) {
    await world.cliOk('rollback', `v${version}`, '-a', app)
    await world.expectUp(app, `push ${version - 1}`)
  }
}, 3_600_000)
