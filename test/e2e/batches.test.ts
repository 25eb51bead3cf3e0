import { expect, it } from 'vitest'
import { nodeApp, useWorld } from '../support/world.ts'

const SIZE = 2
const world = useWorld({
  env: { DOZEN_SWITCH_BATCH: '1', DOZEN_PROOF_TIME: '500ms', DOZEN_STOP_TIMEOUT: '4s', DOZEN_WATCH_WINDOW: '0' },
})
const running = async (app: string) =>
  (await world.containers(app)).filter((one) => one.state === 'running' && one.labels['dozen.role'] === 'dyno')
const versions = async (app: string) => (await running(app)).map((one) => Number(one.labels['dozen.release'])).sort()

/** The most processes that ran at once while `act` was under way. */
async function most<T>(app: string, act: Promise<T>): Promise<{ result: T; count: number }> {
  let count = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) count = Math.max(count, (await running(app)).length)
  })()
  const result = await act.finally(() => (isOver = true))
  await watching
  return { result, count }
}

it('a formation that rolls in batches has one process more at most, and goes back as a whole when a later batch fails', async () => {
  const app = await world.create('rolling')
  await world.push(app, nodeApp('one'))
  await world.cliOk('ps:scale', `web=${SIZE}`, '-a', app)
  await world.until(async () => (await versions(app)).join() === '2,2', 60_000, 'both processes run')
  await world.until(async () => /web\.2: up/.test(await world.cliOk('ps', '-a', app)), 60_000, 'all are up')
  const load = await world.load(app, { pauseMs: 30 })

  const good = await most(app, world.push(app, nodeApp('two')))
  expect(good.count).toBeLessThanOrEqual(SIZE + 1)
  await world.until(async () => (await versions(app)).join() === '3,3', 60_000, 'the new release runs, whole')

  const bad = nodeApp('three')
  const guard = `if (process.env.DYNO !== 'web.1') { console.log('no room for me'); process.exit(3) }\n`
  const failed = await most(app, world.tryPush(app, { ...bad, 'server.js': guard + String(bad['server.js']) }))
  expect(failed.result.code).toBe(1)
  expect(failed.result.output).toContain('no room for me')
  expect(failed.result.output).toContain('v4 failed: web.2 exited with status 3')
  expect(failed.count).toBeLessThanOrEqual(SIZE + 1)
  await world.until(async () => (await versions(app)).join() === '3,3', 60_000, 'the old release runs, whole')
  await world.expectUp(app, 'two')
  expect((await load.stop()).failed).toEqual([])
  const said = await world.cliOk('logs', '-a', app, '--num', '1500', '--source', 'app', '--dyno', 'web.1')
  const starts = [...said.matchAll(/listening as (\w+)/g)].map(([, version]) => version)
  expect(starts).toEqual(['one', 'two', 'three', 'two']) // the first batch was through, and is taken back
}, 400_000)
