import { expect, it } from 'vitest'
import { nodeApp, useWorld } from '../support/world.ts'

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
