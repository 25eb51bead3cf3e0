import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useWorld } from '../support/world.ts'
import { failCall, openShop } from './cell.ts'
import { EngineProxy, type Fault } from './engine-proxy.ts'
import { chosen, isWhole, randomOf, seed } from './plan.ts'
import { answering, failuresOf, flow, operations, readLedger, settled, SETTINGS } from './shop.ts'

const base = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const temporary = join(base, 'tmp')
mkdirSync(temporary)
const proxy = new EngineProxy(join(base, 'engine.sock'))
const FAULTS: Fault[] = [500, 404, 409, 'none']
/** More calls than any of the operations makes; those beyond the last one are not run. */
const MAX_CALLS = 60
/** scripts/faults/reporter.mjs knows it: such a cell is none. */
const BEYOND = 'the operation has ended before'

/** FAULTS.md F4, F5, F6, F18, F19: the engine fails at any call, hangs, restarts, or forgets to tell. */
describe(`with an engine that fails (DOZEN_FAULTS_SEED=${seed})`, () => {
  beforeAll(() => proxy.up())
  afterAll(async () => {
    await proxy.down()
    rmSync(base, { recursive: true, force: true })
  })
  const world = useWorld({ env: { ...SETTINGS, DOZEN_DOCKER_SOCKET: proxy.path, TMPDIR: temporary } })
  const random = randomOf(seed)
  const all = operations(world)
  const named = (name: string) => all.find((one) => one.name === name)!
  const app = 'shop'

  const place = { world, app, points: '', temporary }
  beforeAll(() => openShop(place))

  const numbers = Array.from({ length: MAX_CALLS }, (_, n) => n + 1)
  /** In rounds, each of which has every call of every operation once, with another fault: a piece of the matrix is a sample of it. */
  const cells = FAULTS.flatMap((_, round) =>
    numbers.flatMap((at) =>
      ['deploy', 'config change', 'scale down', 'restart', 'detached run'].map((name) => ({ name, what: FAULTS[(at + round) % FAULTS.length]!, at })),
    ),
  ) // prettier-ignore
  const beyond = new Map<string, number>()

  it.for(chosen(isWhole ? cells : cells.filter(({ at }) => at <= 20), 5, random))(
    '$name: the answer to call $at is $what',
    async ({ name, what, at }, { skip }) => {
      if (at > (beyond.get(name) ?? Infinity)) skip(BEYOND)
      if (!(await failCall(place, proxy, named(name), at, what))) beyond.set(name, at)
    },
  )

  it.each(['deploy', 'config change', 'restart'])('%s: the engine restarts in the middle, and the apps with it keep serving', async (name) => {
    const operation = named(name)
    const before = readLedger(world.home)
    const load = await flow(world, app)
    const acting = operation.act(app)
    proxy.inject(0, 500)
    await world.until(() => proxy.calls.length >= 3, 20_000, 'the operation has reached the engine')
    await proxy.down()
    const from = load.ok
    await world.until(() => load.ok > from + 100, 20_000, 'the router serves on without an engine')
    await proxy.up()
    const { ok, said } = await acting
    await settled(world, before, { temporary })
    if (ok && operation.holds) expect(await operation.holds(app), said).toBe(true)
    expect(await failuresOf(load)).toEqual([])
  }) // prettier-ignore

  it('scale up: the engine hangs in the middle, and goes on when it does', async () => {
    const operation = named('scale up')
    await operation.prepare?.(app)
    const before = readLedger(world.home)
    await settled(world, before, { temporary })
    const load = await flow(world, app)
    proxy.hang()
    const acting = operation.act(app)
    const from = load.ok
    await world.until(() => load.ok > from + 100, 20_000, 'the router serves on')
    await answering(world)
    proxy.resume()
    expect((await acting).ok).toBe(true)
    await settled(world, before, { temporary })
    expect(await failuresOf(load)).toEqual([])
  })

  it('crash: told to nobody, because the event stream was cut, it is seen all the same', async () => {
    const before = readLedger(world.home)
    await settled(world, before, { temporary })
    proxy.cut()
    await world.get(app, '/crash').catch(() => {})
    await settled(world, before, { temporary })
    await world.expectUp(app, 'body')
  })

  it('start: without an engine the platform starts, says so, and goes to work when there is one', async () => {
    const before = readLedger(world.home)
    await world.down()
    await proxy.down()
    const starting = world.up()
    await answering(world).catch(() => {})
    await proxy.up()
    await starting
    await settled(world, before, { temporary })
    await world.expectUp(app, 'body')
  })
})
