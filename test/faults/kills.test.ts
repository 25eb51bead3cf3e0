import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signal, useWorld } from '../support/world.ts'
import { cellsOf, isServing, killAfter, killAt, openShop, type Cell } from './cell.ts'
import { exposures, violations } from './invariants.ts'
import { chosen, isWhole, randomOf, seed } from './plan.ts'
import { answering, arm, operations, readLedger, settled, SETTINGS, shopFiles } from './shop.ts'

const CANARY = 'canary-4c1f7d6e'
const base = mkdtempSync(join(tmpdir(), 'dozen-faults-'))
const points = join(base, 'points')
const temporary = join(base, 'tmp')
for (const folder of [points, temporary]) mkdirSync(folder)

/** FAULTS.md F1–F3 and ABUSE 92: whoever is killed at whatever step, old or new fully runs, and what was said to be done stays done. */
describe(`killed anywhere (DOZEN_FAULTS_SEED=${seed})`, () => {
  const world = useWorld({ env: { ...SETTINGS, DOZEN_FAIL_AT: points, TMPDIR: temporary } })
  const random = randomOf(seed)
  const all = operations(world)
  const cells = cellsOf(all)
  const serving = cells.filter(isServing)
  const pick = (count: number, from = cells) => chosen(from, count, random)
  const app = 'shop'
  const place = { world, app, points, temporary }

  beforeAll(() => openShop(place, [`CANARY=${CANARY}`]))
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  const kinds = (from: readonly Cell[]) =>
    [...new Set(from.map((one) => one.operation.name))].map(
      (name) => [name, from.filter((one) => one.operation.name === name)] as const,
    )

  describe.each(kinds(pick(6)))('kill -9 of the controller: %s', (_, mine) => {
    it.each(mine.map((one) => [one.point, one] as const))('%s', (_point, one) => killAt(place, one))
  })

  describe.each(kinds(pick(2, serving)))('kill -9 of the router: %s', (_, mine) => {
    it.each(mine.map((one) => [one.point, one] as const))('%s', (_point, one) =>
      killAt(place, one, { pids: world.routerPids, loses: true }),
    )
  })

  describe.each(kinds(pick(1, serving)))('kill -9 of controller and router at once: %s', (_, mine) => {
    it.each(mine.map((one) => [one.point, one] as const))('%s', (_point, one) =>
      killAt(place, one, { pids: () => [...world.routerPids(), ...world.controllerPids()], loses: true }))
  }) // prettier-ignore

  describe.each(kinds(pick(1)))('kill -9 of the supervisor: %s', (_, mine) => {
    it.each(mine.map((one) => [one.point, one] as const))('%s', (_point, one) =>
      killAt(place, one, { pids: () => [world.supervisorPid], revive: () => world.up() }))
  }) // prettier-ignore

  describe.each(['destroy.committed', 'destroy.emptied'] as const)('kill -9 of the controller: destroy', (point) => {
    it.skipIf(!isWhole && random() < 0.5)(point, async () => {
      const doomed = await world.create()
      await world.push(doomed, shopFiles('doomed'))
      const before = readLedger(world.home)
      arm(points, point)
      const { code } = await world.cli('destroy', '--confirm', doomed, '-a', doomed)
      await world.until(() => !existsSync(join(points, point)), 60_000, `the destruction comes to ${point}`)
      await answering(world)
      await settled(world, before, { temporary })
      expect(readLedger(world.home).apps.map((one) => one.name)).not.toContain(doomed)
      expect(code).toBeDefined()
    })
  })

  describe('kill -9 of the controller at a random moment under load', () => {
    const instants = Array.from({ length: isWhole ? 30 : 2 }, (_, index) => {
      const operation = all[Math.floor(random() * all.length)]!
      return { index: index + 1, operation, name: operation.name, afterMs: Math.floor(random() * 3000) }
    })
    it.each(instants)('$index: $afterMs ms into a $name', ({ operation, afterMs }) => killAfter(place, operation, afterMs))
  })

  it('is checked by a checker that sees what is wrong', async () => {
    const before = readLedger(world.home)
    await world.down()
    const [gone] = (await world.containers()).filter((one) => one.labels['dozen.type'] === 'web')
    await signal(gone!.id, 'SIGKILL')
    await world.until(async () => (await violations(world, before)).length > 0, 10_000, 'it sees the dead process')
    expect((await violations(world, before)).join()).toMatch(/I3: \S+ web\.\d v\d+ should run and does not/)
    await world.up()
    await settled(world, before, { temporary })
  })

  it('leaves the secret of an app only where it may be', async () => {
    await world.expectUp(app, 'body')
    expect(JSON.parse((await world.get(app, '/env')).body)).toMatchObject({ CANARY })
    expect(exposures(world.home, CANARY)).toEqual([])
  })
})
