import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { useWorld } from '../support/world.ts'
import { cellsOf, failCall, isServing, killAfter, killAt, openShop } from './cell.ts'
import { EngineProxy, type Fault } from './engine-proxy.ts'
import { randomOf, seed, some } from './plan.ts'
import { operations, SETTINGS } from './shop.ts'

const base = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const points = join(base, 'points')
const temporary = join(base, 'tmp')
for (const folder of [points, temporary]) mkdirSync(folder)
const proxy = new EngineProxy(join(base, 'engine.sock'))
const FAULTS: Fault[] = [500, 404, 409, 'none']

/** A few cells of the matrix that `npm run faults` runs whole; the seed says which. */
describe(`a sample of the fault matrix (DOZEN_FAULTS_SEED=${seed})`, () => {
  beforeAll(() => proxy.up())
  afterAll(async () => {
    await proxy.down()
    rmSync(base, { recursive: true, force: true })
  })
  const env = { ...SETTINGS, DOZEN_FAIL_AT: points, DOZEN_DOCKER_SOCKET: proxy.path, TMPDIR: temporary }
  const world = useWorld({ env })
  const random = randomOf(seed)
  const place = { world, app: 'shop', points, temporary }
  beforeAll(() => openShop(place))
  const all = operations(world)
  const cells = cellsOf(all)

  it.each(some(cells, 2, random).map((cell) => [cell.operation.name, cell.point, cell] as const))(
    'controller killed: %s at %s',
    (_name, _point, cell) => killAt(place, cell),
  )
  it.each(some(cells.filter(isServing), 1, random).map((cell) => [cell.operation.name, cell.point, cell] as const))(
    'router killed: %s at %s',
    (_name, _point, cell) => killAt(place, cell, { pids: world.routerPids, loses: true }),
  )
  it.each(some(all, 1, random).map((operation) => [operation.name, Math.floor(random() * 2000), operation] as const))(
    'controller killed: %s after %d ms',
    (_name, afterMs, operation) => killAfter(place, operation, afterMs),
  )
  it.each(some(all, 1, random).map((one) => [one.name, 1 + Math.floor(random() * 12), some(FAULTS, 1, random)[0]!, one] as const))(
    'engine fails: %s, call %d is answered %s',
    async (_name, at, what, operation) => void (await failCall(place, proxy, operation, at, what)),
  )
}) // prettier-ignore
