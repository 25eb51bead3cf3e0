import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useWorld } from '../support/world.ts'
import { EngineProxy, type Fault } from './engine-proxy.ts'
import { chosen, isWhole, randomOf, seed } from './plan.ts'
import { answering, failuresOf, operations, readLedger, settled, SETTINGS, shopFiles } from './shop.ts'

const base = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const temporary = join(base, 'tmp')
mkdirSync(temporary)
const proxy = new EngineProxy(join(base, 'engine.sock'))
const FAULTS: Fault[] = [500, 404, 409, 'none']
/** More calls than any of the operations makes; those beyond the last one are not run. */
const MAX_CALLS = 60

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

  beforeAll(async () => {
    await world.create(app)
    await world.push(app, shopFiles('body 0'))
    await world.push(app, shopFiles('body 00'))
    await world.cliOk('ps:scale', 'worker=1', '-a', app)
    await settled(world, readLedger(world.home), { temporary })
  })

  const numbers = Array.from({ length: MAX_CALLS }, (_, n) => n + 1)
  const cells = ['deploy', 'config change', 'scale down', 'restart', 'detached run'].flatMap((name) =>
    FAULTS.flatMap((what) => numbers.map((at) => ({ name, what, at }))),
  )
  const beyond = new Map<string, number>()

  it.each(chosen(isWhole ? cells : cells.filter(({ at }) => at <= 20), 5, random))(
    '$name: the answer to call $at is $what',
    async ({ name, what, at }) => {
      const operation = named(name)
      if (at > (beyond.get(name) ?? Infinity)) return // the operation has ended before: covered
      await operation.prepare?.(app)
      const before = readLedger(world.home)
      await settled(world, before, { temporary })
      const load = await world.load(app)
      proxy.inject(at, what)
      const { ok, said } = await operation.act(app)
      await settled(world, before, { temporary })
      if (!proxy.hit) beyond.set(name, at)
      proxy.inject(0, 500)
      if (ok && operation.holds) expect(await operation.holds(app), said).toBe(true)
      expect(await failuresOf(load)).toEqual([])
    },
  )

  it.each(['deploy', 'config change', 'restart'])('%s: the engine restarts in the middle, and the apps with it keep serving', async (name) => {
    const operation = named(name)
    const before = readLedger(world.home)
    const load = await world.load(app)
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
    const load = await world.load(app)
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
