import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import { nodeApp, run, useWorld } from '../support/world.ts'

const VERSION = '11.10.0'
const CACHE = join(homedir(), '.cache', 'dozen', `heroku-${VERSION}`)
const PROGRAM = join(CACHE, 'node_modules', 'heroku', 'bin', 'run.js')

/** Installed once, outside the checkout: at 395 MB it is no dependency of ours (PLATFORM-API.md §1). */
async function install() {
  if (existsSync(PROGRAM)) return
  await mkdir(CACHE, { recursive: true })
  const args = ['install', `heroku@${VERSION}`, '--prefix', CACHE, '--ignore-scripts', '--no-audit', '--no-fund']
  await promisify(execFile)('npm', args, { maxBuffer: 64 * 1024 * 1024 })
}

describe('the official CLI', () => {
  const world = useWorld({ env: { DOZEN_PRIVATE_TARGETS: '1' } })
  const app = 'stock'
  let env: Record<string, string>

  beforeAll(async () => {
    await install()
    env = JSON.parse(await world.cliOk('env', '--json')) as Record<string, string>
    await mkdir(join(world.base, 'heroku'), { recursive: true })
  }, 600_000)

  const heroku = (args: string[], { input = '' } = {}) =>
    run(process.execPath, [PROGRAM, ...args], {
      cwd: join(world.base, 'heroku'),
      env: { PATH: process.env.PATH, HOME: join(world.base, 'heroku'), ...env },
      input,
    })
  /** Ends with status 0; both streams, as commands print progress to stderr. */
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await heroku(args)
    expect(code, `heroku ${args.join(' ')}\n${stdout}${stderr}`).toBe(0)
    return stdout + stderr
  }

  it('says who it is', async () => expect(await ok('auth:whoami')).toContain('admin@dozen.localhost'))

  it('creates an app and shows it', async () => {
    expect(await ok('apps:create', app)).toContain(`http://${app}.localhost`)
    expect(await ok('apps')).toContain(app)
    expect(await ok('apps:info', '-a', app)).toContain('Owner')
    expect(await ok('releases', '-a', app)).toContain('Initial release')
  })

  it('pushes by its own https remote and credential helper', async () => {
    const other = await world.create('seed')
    await world.push(other, nodeApp('first', { procfile: 'worker: sleep 1000\n' }))
    const folder = join(world.base, 'heroku', app)
    await cp(world.worktree(other).folder, folder, { recursive: true })
    const PATH = `${join(CACHE, 'node_modules', '.bin')}:${process.env.PATH}` // the helper it installs calls `heroku`
    const git = (...args: string[]) => run('git', args, { cwd: folder, env: { PATH, HOME: join(world.base, 'heroku'), ...env } })
    const authority = new URL(world.endpoints.api).host
    await git('remote', 'add', 'heroku', `https://${authority}/${app}.git`)
    const pushed = await git('push', 'heroku', 'HEAD:main')
    expect(pushed.code, pushed.stderr).toBe(0)
    expect(pushed.stderr).toContain('deployed to dozen')
    await world.expectUp(app, 'first')
  })

  it('shows and scales processes', async () => {
    expect(await ok('ps', '-a', app)).toMatch(/web\.1: up/)
    expect(await ok('ps:scale', 'web=2', 'worker+1', '-a', app)).toMatch(/web at 2.*worker at 1/)
    await world.until(async () => (await heroku(['ps', '-a', app])).stdout.includes('web.2: up'), 30_000, 'web.2 is up')
    expect(await ok('ps:scale', '-a', app)).toContain('web=2')
    await ok('ps:restart', '-a', app)
    await ok('ps:stop', '--dyno-name', 'web.2', '-a', app)
    await ok('ps:scale', 'web=1', 'worker=0', '-a', app)
  })

  it('sets, reads and removes config vars', async () => {
    expect(await ok('config:set', 'A=1', 'B=two words', '-a', app)).toMatch(/done, v\d+/)
    expect((await heroku(['config:get', 'B', '-a', app])).stdout.trim()).toBe('two words')
    expect(await ok('config', '-a', app)).toContain('A')
    expect(await ok('config:unset', 'A', '-a', app)).toMatch(/done, v\d+/)
  })

  it('lists releases, shows one and rolls back', async () => {
    expect(await ok('releases', '-a', app)).toContain('Set A, B config vars')
    expect(await ok('releases:info', 'v2', '-a', app)).toContain('Deploy')
    expect(await ok('releases:rollback', 'v2', '-a', app)).toMatch(/done, v\d+/)
    await world.until(
      async () => (await heroku(['releases', '-a', app])).stdout.includes('Rollback to v2'),
      10_000,
      'it is listed',
    )
    await ok('ps:wait', '-a', app)
  })

  it('runs one-off dynos and tells how they ended', async () => {
    const done = await heroku(['run', '-a', app, '-x', '--no-tty', '--', 'echo from-inside; exit 4'])
    expect(done.stdout, done.stderr).toContain('from-inside')
    expect(done.code).toBe(4)
    expect(await ok('run:detached', '-a', app, '--', 'echo afar')).toContain('logs')
  })

  it('reads logs', async () => {
    expect(await ok('logs', '-a', app, '-n', '500')).toMatch(/app\[api\]: .*Release v\d+ created/)
    expect(await ok('logs', '-a', app, '-n', '500', '--source', 'app', '--dyno-name', 'api')).not.toContain('[router]')
  })

  it.each(
    [
      ['domains:add', 'www.stock.example'],
      ['domains'],
      ['domains:info', 'www.stock.example'],
      ['domains:remove', 'www.stock.example'],
      ['maintenance:on'],
      ['maintenance'],
      ['maintenance:off'],
      ['apps:stacks'],
      ['buildpacks:set', 'heroku/nodejs'],
      ['buildpacks:add', 'https://example.com/some/pack.git#v2'],
      ['buildpacks'],
      ['buildpacks:remove', 'https://example.com/some/pack.git#v2'],
      ['buildpacks:clear'],
      ['access'],
      ['drains:add', 'syslog://127.0.0.1:9'],
      ['drains'],
      ['drains:remove', 'syslog://127.0.0.1:9'],
      ['webhooks'],
      ['certs'],
      ['addons'],
      ['features'],
      ['labs'],
      ['ps:type'],
    ].map((args) => ({ line: args.join(' '), args })),
  )('runs $line', async ({ args }) => void (await ok(...args, '-a', app)))

  it.each(
    [
      ['regions'],
      ['keys'],
      ['authorizations'],
      ['authorizations:create', '-S', '-d', 'from the stock client'],
      ['pipelines'],
    ].map((args) => ({ line: args.join(' '), args })),
  )('runs $line', async ({ args }) => void (await ok(...args)))

  it('puts apps in a pipeline and promotes', async () => {
    await ok('pipelines:create', 'stockline', '-a', app, '-s', 'staging')
    await ok('apps:create', 'stock-prod', '--no-remote')
    await ok('pipelines:add', 'stockline', '-a', 'stock-prod', '-s', 'production')
    expect(await ok('pipelines:info', 'stockline')).toContain('stock-prod')
    expect(await ok('pipelines:promote', '-a', app)).toContain('succeeded')
    await world.expectUp('stock-prod', 'first')
  })

  it('renames and destroys', async () => {
    await ok('apps:rename', 'stock-two', '-a', app)
    await ok('apps:destroy', '-a', 'stock-two', '--confirm', 'stock-two')
    expect((await heroku(['apps:info', '-a', 'stock-two'])).code).toBe(2)
  })
})
