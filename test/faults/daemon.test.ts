import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signal, startWorld, type World } from '../support/world.ts'
import { cellsOf, killAt, openShop } from './cell.ts'
import { OwnEngine } from './own-engine.ts'
import { chosen, randomOf, seed } from './plan.ts'
import { failuresOf, flow, operations, readLedger, settled, SETTINGS, useFiles, type Operation } from './shop.ts'

const base = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const points = join(base, 'points')
const temporary = join(base, 'tmp')
for (const folder of [points, temporary]) mkdirSync(folder)
afterAll(() => rmSync(base, { recursive: true, force: true }))
const app = 'shop'

/** FAULTS.md F4 and F9 with a daemon that really dies: one of our own, which nobody else uses. */
describe.each([
  ['an engine daemon of our own that leaves containers alive', ['--live-restore'], false],
  ['an engine daemon of our own', [], true],
] as const)(`%s (DOZEN_FAULTS_SEED=${seed})`, (_, options, loses) => {
  const engine = new OwnEngine(options)
  let world: World
  let all: Operation[] // made once: each wishes for something new, or nothing would happen
  const random = randomOf(seed)
  const place = () => ({ world, app, points, temporary })

  beforeAll(async () => {
    process.env.DOZEN_DOCKER_SOCKET = engine.socket // the checker looks there too
    await engine.start()
    await engine.makeTiny()
    useFiles('dockerfile')
    world = await startWorld({
      env: { ...SETTINGS, DOZEN_DOCKER_SOCKET: engine.socket, DOZEN_FAIL_AT: points, TMPDIR: temporary },
    })
    all = operations(world)
    await openShop(place())
  })
  afterAll(async () => {
    await world?.close()
    await engine.remove()
    delete process.env.DOZEN_DOCKER_SOCKET
  })

  const names = ['deploy', 'config change', 'rollback', 'scale up', 'scale down', 'restart', 'run', 'detached run']
  const wanted = names.map((name) => cellsOf(operations({} as World).filter((one) => one.name === name)))
  const cells = chosen(loses ? wanted.flatMap((mine) => mine.slice(0, 1)) : wanted.flat(), 3, random)
  const revive = async () => {
    await engine.end('SIGKILL')
    await engine.start()
  }
  describe.each(names.filter((name) => cells.some(({ operation }) => operation.name === name)))('kill -9 of the engine daemon: %s', (name) => {
    const mine = cells.filter(({ operation }) => operation.name === name).map(({ point }) => point)
    it.each(mine)('%s', async (point) => {
      const operation = all.find((one) => one.name === name)!
      await killAt(place(), { operation, point }, { pids: () => [engine.pid], revive, loses })
    })
  }) // prettier-ignore

  it('the engine is stopped and started, and the apps are up again', async () => {
    const before = readLedger(world.home)
    await settled(world, before, { temporary })
    const load = await flow(world, app)
    await engine.end('SIGTERM')
    const doctor = await world.cli('doctor')
    expect(doctor.stdout).toMatch(/problem\s+engine\s+The container engine at .* does not answer/)
    await engine.start()
    await settled(world, before, { temporary })
    await world.expectUp(app, 'body')
    const failures = await failuresOf(load)
    if (!loses) expect(failures).toEqual([])
    const isWell = async () => !(await world.cli('doctor')).stdout.includes('problem')
    await world.until(isWell, 90_000, 'the doctor has forgotten it') // after a minute
  })

  it('the machine loses its power, starts again, and everything runs as before', async () => {
    const before = readLedger(world.home)
    for (const pid of [world.supervisorPid, ...world.controllerPids(), ...world.routerPids()]) process.kill(pid, 'SIGKILL')
    await engine.powerOff()
    await world.down('SIGKILL')
    const starting = world.up() // before the engine, as it may be at boot
    await engine.start()
    await starting
    await settled(world, before, { temporary })
    await world.expectUp(app, 'body')
  })

  it('a process that was killed by the kernel while the engine was away is started anew', async () => {
    const before = readLedger(world.home)
    const [web] = (await world.containers()).filter((one) => one.labels['dozen.type'] === 'web')
    await signal(web!.id, 'SIGKILL')
    await engine.end('SIGKILL')
    await engine.start()
    await settled(world, before, { temporary })
    await world.expectUp(app, 'body')
  })
})
