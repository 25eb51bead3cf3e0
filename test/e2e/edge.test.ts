import { expect, it } from 'vitest'
import { call } from '../../router/testing.ts'
import { useWorld } from '../support/world.ts'

const world = useWorld({ env: { DOZEN_WATCH_WINDOW: '0', DOZEN_PROOF_TIME: '500ms' } })

const releases = async () => (JSON.parse(await world.cliOk('releases', '--json', '-a', 'sleepy')) as { version: number }[]).map(({ version }) => version) // prettier-ignore
const running = async (app: string) => (await world.containers(app)).filter((one) => one.state === 'running').map(({ labels }) => labels['dozen.type']) // prettier-ignore
const isAsleep = (app: string) =>
  world.until(async () => /web\.1: idle/.test(await world.cliOk('ps', '-a', app)) && (await running(app)).join() === 'worker', 60_000, 'web sleeps, worker goes on') // prettier-ignore

it('lets an app sleep that nobody visits, and wakes it for the next visit; that is no crash and no release', async () => {
  await world.create('sleepy')
  await world.push('sleepy', 'node-worker')
  await world.cliOk('ps:scale', 'worker=1', '-a', 'sleepy')
  const before = await releases()
  await world.cliOk('sleep:on', '--after', '2s', '-a', 'sleepy')
  await isAsleep('sleepy')
  expect(await world.cliOk('sleep', '-a', 'sleepy')).toMatch(/^on, after 2s without a visit; asleep since /)
  const visits = await Promise.all([world.get('sleepy'), world.get('sleepy'), world.get('sleepy')])
  expect(visits.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await world.cliOk('ps', '-a', 'sleepy')).toMatch(/web\.1: up/)
  expect(await releases()).toEqual(before)
  const logs = await world.logs('sleepy')
  expect(logs).toMatch(
    /dozen\[web\.1\]: Idling\n[^]*dozen\[web\.1\]: Unidling: somebody visits\n[^]*State changed from starting to up/,
  )
  expect(logs).not.toMatch(/crashed|Error R|code=H/)
})

it('wakes it also when the controller, or the router, died while it slept', async () => {
  await isAsleep('sleepy')
  await world.killController()
  expect((await world.get('sleepy')).status).toBe(200)
  await isAsleep('sleepy')
  await world.killRouter()
  await world.until(async () => (await world.get('sleepy')).status === 200, 30_000, 'the router is back, and the app awake')
  await world.cliOk('sleep:off', '-a', 'sleepy')
})

it('treats an app as its settings say, at once and without a release', async () => {
  const before = await releases()
  await world.cliOk('settings:set', 'max-body=10', 'rate-limit=1000/s', 'stop-timeout=2s', '-a', 'sleepy')
  expect(await world.cliOk('settings', '-a', 'sleepy')).toMatch(/max-body +10 +largest/)
  const { hostname, port } = new URL(world.endpoints.http)
  const post = (size: number) => call({ host: hostname, port, path: '/', method: 'POST', agent: false, headers: { host: 'sleepy.localhost' } }, 'x'.repeat(size)) // prettier-ignore
  await world.until(async () => (await post(11)).status === 413, 10_000, 'a large body is refused')
  expect(await releases()).toEqual(before)
})

it('gives a process the time to stop that its app has set (R12)', async () => {
  await world.create('stubborn')
  await world.push('stubborn', 'ignores-sigterm')
  await world.cliOk('settings:set', 'stop-timeout=1s', '-a', 'stubborn')
  await world.cliOk('ps:stop', 'web.1', '-a', 'stubborn')
  await world.until(async () => (await world.logs('stubborn')).includes('failed to exit within 1 seconds of SIGTERM'), 25_000, 'R12 after 1 s') // prettier-ignore
})

it('shows visitors the maintenance page of the app’s own', async () => {
  await world.cliOk('config:set', 'MAINTENANCE_PAGE_URL=https://pages.example.com/soon.html', '-a', 'sleepy')
  await world.cliOk('maintenance:on', '-a', 'sleepy')
  const frame = '<iframe src="https://pages.example.com/soon.html">'
  await world.until(
    async () => (await world.get('sleepy')).body.includes(frame),
    30_000,
    'maintenance, with the page of the newest release',
  )
  expect((await world.get('sleepy')).status).toBe(503)
  expect((await world.cli('config:set', 'ERROR_PAGE_URL=javascript:alert(1)', '-a', 'sleepy')).stderr).toContain('ERROR_PAGE_URL should be the address of a page') // prettier-ignore
})
