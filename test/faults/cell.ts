import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Failpoint } from '../../server/failpoint.ts'
import type { World } from '../support/world.ts'
import type { EngineProxy, Fault } from './engine-proxy.ts'
import { answering, arm, failuresOf, flow, isDockerfile, readLedger, settled, shopFiles, type Operation } from './shop.ts'

export type Cell = { operation: Operation; point: Failpoint }
type Place = { world: World; app: string; points: string; temporary: string }

/** Every operation with every step boundary on its way. */
export const cellsOf = (operations: readonly Operation[]): Cell[] =>
  operations.flatMap((operation) => operation.points.map((point) => ({ operation, point })))

/** Those where the router has something to do. */
export const isServing = ({ point }: Cell) => /^(switch|table|retire|dyno)/.test(point)

/** An app with two releases, so that a rollback has somewhere to go, and a worker; each release has `config` ("NAME=value"). */
export async function openShop({ world, app, temporary }: Place, config: readonly string[] = []) {
  await world.create(app)
  if (config.length > 0) await world.cliOk('config:set', ...config, '-a', app)
  if (isDockerfile()) await world.cliOk('stack:set', 'container', '-a', app)
  await world.push(app, shopFiles('body 0'))
  await world.push(app, shopFiles('body 00'))
  await world.cliOk('ps:scale', 'worker=1', '-a', app)
  await settled(world, readLedger(world.home), { temporary })
}

/** What `act` said to have done is done; a router that was killed meanwhile is given the time to come back. */
async function holds({ world, app }: Place, operation: Operation, { ok, said }: { ok: boolean; said: string }) {
  if (!ok || !operation.holds) return
  await world.until(() => operation.holds!(app), 20_000, `it holds what it said:\n${said}`)
}

/** Under load, the operation runs into the kill; afterwards every invariant holds, and what was said to be done is. */
export async function killAt(place: Place, { operation, point }: Cell, { pids, loses = false, revive }: { pids?: () => number[]; loses?: boolean; revive?: () => Promise<void> } = {}) {
  const { world, app, points, temporary } = place
  await operation.prepare?.(app)
  const before = readLedger(world.home)
  await settled(world, before, { temporary })
  const load = await flow(world, app)
  arm(points, point, pids?.() ?? [])
  const acting = operation.act(app)
  await comes(place, operation, point, acting)
  await revive?.()
  const outcome = await acting
  await answering(world)
  await settled(world, before, { temporary })
  await holds(place, operation, outcome)
  const failures = await failuresOf(load)
  if (!loses) expect(failures).toEqual([])
  expect(failures.filter((failure) => failure.includes('no answer within'))).toEqual([]) // a cut is an answer, silence is none
  await world.expectUp(app, 'body')
} // prettier-ignore

/** Most of what an operation sets going it does not wait for. */
const AFTERWARDS_MS = 15_000

async function comes({ world, points }: Place, { name }: Operation, point: Failpoint, acting: ReturnType<Operation['act']>) {
  const isThere = () => !existsSync(join(points, point))
  let ended: { said: string; at: number } | undefined
  void acting.then(({ said }) => (ended = { said, at: performance.now() }))
  const isOver = () => ended !== undefined && performance.now() - ended.at > AFTERWARDS_MS
  await world.until(() => isThere() || isOver(), 60_000, `${name} comes to ${point}`)
  if (isThere()) return
  rmSync(join(points, point))
  throw new Error(`${name} ended and did not come to ${point}: ${ended?.said}`)
}

/** kill -9 of the controller at a moment that no step boundary marks. */
export async function killAfter(place: Place, operation: Operation, afterMs: number) {
  const { world, app, temporary } = place
  await operation.prepare?.(app)
  const before = readLedger(world.home)
  const load = await flow(world, app)
  const from = performance.now()
  const acting = operation.act(app)
  await world.until(() => performance.now() - from >= afterMs, 5000, 'the moment has come')
  await world.killController()
  const outcome = await acting
  await answering(world)
  await settled(world, before, { temporary })
  await holds(place, operation, outcome)
  expect(await failuresOf(load)).toEqual([])
}

/** The engine's answer to the `at`-th call is `what`. False when the operation ended before. */
export async function failCall(place: Place, proxy: EngineProxy, operation: Operation, at: number, what: Fault): Promise<boolean> {
  const { world, app, temporary } = place
  await operation.prepare?.(app)
  const before = readLedger(world.home)
  await settled(world, before, { temporary })
  const load = await flow(world, app)
  proxy.inject(at, what)
  const outcome = await operation.act(app)
  await settled(world, before, { temporary })
  const isHit = proxy.hit !== undefined
  proxy.inject(0, 500)
  await holds(place, operation, outcome)
  expect(await failuresOf(load)).toEqual([])
  return isHit
} // prettier-ignore
