import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest'
import { fetchVia } from '../support/load.ts'
import { newInstance, ROOT, run, until } from '../support/programs.ts'
import { containersOf, stackImage, sweep } from '../support/sweep.ts'
import { nodeApp, Worktree } from '../support/worktree.ts'

const dynos = async () => (await containersOf(instance)).filter(({ labels }) => labels['dozen.role'] === 'dyno')
const BUILD_MS = 600_000
const instance = newInstance()
const base = mkdtempSync(join(tmpdir(), 'dozen-compose-'))
const home = join(base, 'home')
const image = `${instance}:latest`

const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(DOZEN_|GIT_|COMPOSE_)/.test(key))),
  HOME: base,
  DOZEN_HOME: home,
  DOZEN_INSTANCE: instance,
  DOZEN_API_PORT: '0',
  DOZEN_HTTP_PORT: '0',
  DOZEN_HTTPS_PORT: '0',
  DOZEN_IMAGE: image,
  DOZEN_BASE: await stackImage(), // no registry is needed for what set-up has made
}
const compose = (...args: string[]) =>
  run('docker-compose', ['--project-name', instance, ...args], { cwd: ROOT, env, timeoutMs: BUILD_MS })
const docker = async (...args: string[]) => (await run('docker', args)).stdout.trim()
const container = () => docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${instance}`)
const health = async () => docker('inspect', '--format', '{{.State.Health.Status}}', await container())
const endpoints = () => JSON.parse(readFileSync(join(home, 'endpoints.json'), 'utf8')) as { api: string; http: string }
const dozen = (cwd: string, ...args: string[]) => run(process.execPath, [join(ROOT, 'bin/dozen.mjs'), ...args], { cwd, env })

beforeAll(async () => {
  const up = await compose('up', '--detach', '--build')
  if (up.code !== 0) throw new Error(`docker-compose up ended with status ${up.code}:\n${up.stdout.slice(-4000)}${up.stderr}`)
}, BUILD_MS)

afterAll(async () => {
  await compose('down', '--volumes', '--timeout', '15')
  await sweep(instance)
  await run('docker', ['image', 'rm', '--force', image])
  rmSync(base, { recursive: true, force: true })
})

it('becomes healthy, and runs a pushed app beside itself on the host engine', async () => {
  onTestFailed(async () => console.error(await docker('logs', '--tail', '200', await container())))
  await until(async () => (await health()) === 'healthy', 90_000, 'the container is healthy')
  const folder = join(base, 'app')
  const tree = new Worktree(folder, env)
  await run('mkdir', [folder])
  await tree.init()
  const made = await dozen(folder, 'create', 'composed')
  expect(made.stderr + made.stdout).toContain('composed')
  await tree.commit(nodeApp('from compose'))
  const pushed = await tree.git('push', 'dozen', 'HEAD:main')
  expect(pushed.code, pushed.stderr).toBe(0)
  const answer = await fetchVia({ url: endpoints().http, host: 'composed.localhost' })
  expect(answer).toMatchObject({ status: 200, body: 'from compose' })
  expect((await dynos()).map(({ state }) => state)).toEqual(['running'])
})

it('leaves the apps running when it is stopped, and serves them again when it is started', async () => {
  const before = (await dynos()).map(({ id }) => id)
  expect((await compose('stop')).code).toBe(0)
  expect(await docker('inspect', '--format', '{{.State.ExitCode}}', await container())).toBe('0')
  expect((await dynos()).map(({ id, state }) => `${id} ${state}`)).toEqual(before.map((id) => `${id} running`))
  expect((await compose('start')).code).toBe(0)
  await until(async () => (await health()) === 'healthy', 60_000, 'the container is healthy again')
  const answer = await fetchVia({ url: endpoints().http, host: 'composed.localhost' })
  expect(answer).toMatchObject({ status: 200, body: 'from compose' })
  expect((await dynos()).map(({ id }) => id)).toEqual(before)
})
