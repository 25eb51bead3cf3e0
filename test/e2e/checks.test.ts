import { expect, it } from 'vitest'
import { inspect, nodeApp, useWorld } from '../support/world.ts'

const world = useWorld({ env: { DOZEN_WATCH_WINDOW: '0', DOZEN_STOP_TIMEOUT: '2s', DOZEN_BOOT_TIMEOUT: '6s' } })

/** Answers with `text`; GET /deafen closes its port, and it lives on. GET /health answers `status`. */
const app = (text: string, status: number) => ({
  ...nodeApp(text),
  'server.js': `
const server = require('http').createServer((req, res) => {
  if (req.url === '/deafen') { res.end('bye'); server.close(); server.closeAllConnections(); setInterval(() => {}, 1000); return }
  res.statusCode = req.url === '/health' ? ${status} : 200
  res.end(${JSON.stringify(text)})
}).listen(process.env.PORT)
`,
})

it('restarts a process that no longer listens but has not ended, and says so', async () => {
  const name = await world.create('deaf')
  await world.push(name, app('one', 200))
  await world.cliOk('checks:set', '/health', '--interval', '1', '--timeout', '1', '--failures', '2', '-a', name)
  expect(await world.cliOk('checks', '-a', name)).toMatch(/web +\/health +every 1 s +within 1 s +2 failures/)
  const [before] = await world.containers(name)
  await world.get(name, '/deafen').catch(() => {})
  await world.until(async () => (await world.containers(name)).some((one) => one.id !== before!.id && one.state === 'running'), 30_000, 'another runs') // prettier-ignore
  await world.expectUp(name, 'one')
  const { stdout } = await world.cli('logs', '-a', name, '-n', '200')
  expect(stdout).toContain('The health check failed 2 times in a row: GET /health was not answered')
})

it('lets no release take over whose health check does not answer well', async () => {
  const { code, output } = await world.tryPush('deaf', app('two', 503))
  expect(code).not.toBe(0)
  expect(output).toContain('(GET /health answered 503)')
  await world.expectUp('deaf', 'one')
})

it('does what app.json says: runs its jobs, asks its health, and within its limits', async () => {
  const manifest = {
    cron: [{ schedule: '0 0 1 1 *', command: 'node -e "console.log(process.env.DYNO, process.constrainedMemory?.())"' }],
    healthchecks: { web: [{ path: '/health', attempts: 4 }] },
  }
  const name = await world.create('timely')
  await world.push(name, { ...app('on time', 200), 'app.json': JSON.stringify(manifest) })
  expect(await world.cliOk('checks', '-a', name)).toMatch(/web +\/health .*4 failures/)

  const [job] = JSON.parse(await world.cliOk('cron', '--json', '-a', name)) as { id: string; origin: string }[]
  expect(job!.origin).toBe('app.json')
  await world.cliOk('limits:set', 'run', '--memory', '96m', '-a', name)
  await world.cliOk('cron:run', job!.id, '-a', name)
  const runs = () => world.cliOk('cron:runs', job!.id, '-a', name)
  await world.until(async () => (await runs()).includes('run.1 exited with 0'), 20_000, 'the job has run')
  expect(await world.logs(name)).toMatch(new RegExp(`app\\[run\\.1\\]: run\\.1 ${96 * 1024 ** 2}`))

  const [before] = await world.containers(name)
  await world.cliOk('limits:set', 'web', '--memory', '128m', '--cpus', '0.5', '--pids', '64', '-a', name)
  await world.until(async () => (await world.containers(name)).every((one) => one.id !== before!.id), 20_000, 'web is replaced')
  const [after] = await world.containers(name)
  const { HostConfig } = await inspect(after!.id)
  expect(HostConfig).toMatchObject({ Memory: 128 * 1024 ** 2, NanoCpus: 5e8, PidsLimit: 64 })
  await world.expectUp(name, 'on time')
})

it('refuses a job that would never run, before anything is built', async () => {
  const bad = { cron: [{ schedule: 'every day', command: 'x' }] }
  const { code, output } = await world.tryPush('timely', { ...app('late', 200), 'app.json': JSON.stringify(bad) })
  expect(code).not.toBe(0)
  expect(output).toContain('"every day" is no schedule. It should be five fields in UTC')
  await world.expectUp('timely', 'on time')
})
