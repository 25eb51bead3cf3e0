import { createServer } from 'node:http'
import { connect, createServer as createTcp, type AddressInfo } from 'node:net'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { apiCertificate } from '../../server/api/ca.ts'
import { NetworkWatch } from '../support/network-watch.ts'
import { installOfficialCli, OFFICIAL_BIN, OFFICIAL_CLI } from '../support/official-cli.ts'
import { onTerminal } from '../support/pty.ts'
import { nodeApp, run, useWorld } from '../support/world.ts'
import { Worktree } from '../support/worktree.ts'

describe('the official CLI', () => {
  const world = useWorld({ env: { DOZEN_PRIVATE_TARGETS: '1', DOZEN_ACME_DIRECTORY: 'https://127.0.0.1:9/none' } })
  const app = 'stock'
  let home: string
  let folder: string
  let env: Record<string, string>
  let watch: NetworkWatch

  beforeAll(async () => {
    await installOfficialCli()
    home = join(world.base, 'heroku')
    folder = join(home, 'work')
    await mkdir(join(home, '.cache', 'heroku'), { recursive: true })
    await mkdir(folder)
    await writeFile(join(home, '.cache', 'heroku', 'terms-of-service'), '')
    const PATH = `${OFFICIAL_BIN}:${process.env.PATH}` // git's credential helper calls `heroku`
    const settings = JSON.parse(await world.cliOk('env', '--json')) as Record<string, string>
    env = { PATH, HOME: home, TERM: 'xterm', ...settings }
    watch = new NetworkWatch(home)
  }, 600_000)

  const argv = (args: string[]) => watch.watched([process.execPath, OFFICIAL_CLI, ...args])
  const heroku = (args: string[], { input = '', cwd = home, more = {} as Record<string, string> } = {}) => {
    const [program, ...rest] = argv(args)
    return run(program, rest, { cwd, env: { ...env, ...more }, input })
  }
  /** Both streams in one line each, as the client breaks lines where a terminal would end. */
  const said = ({ stdout, stderr }: { stdout: string; stderr: string }) => (stdout + stderr).replace(/ *\n *(›)? */g, ' ')
  /** Ends with status 0. */
  const ok = async (...args: string[]) => {
    const done = await heroku(args)
    expect(done.code, `heroku ${args.join(' ')}\n${done.stdout}${done.stderr}`).toBe(0)
    return done.stdout + done.stderr
  }
  const json = async <T>(...args: string[]) => JSON.parse((await heroku([...args, '--json'])).stdout) as T
  /** Is refused by the server, with its own words. */
  const refused = async (words: RegExp, ...args: string[]) => {
    const done = await heroku(args)
    expect(done.code, said(done)).toBe(2)
    expect(said(done)).toMatch(words)
  }
  const terminal = (args: string[], more: Record<string, string> = {}) =>
    onTerminal(argv(args), { env: { ...env, ...more }, cwd: folder })
  const shows = (screen: () => string, text: string | RegExp) =>
    world
      .until(() => screen().match(text), 40_000, `the terminal shows ${String(text)}`)
      .catch((error: Error) => {
        throw new Error(`${error.message}\n${JSON.stringify(screen())}`)
      })

  it('says who it is', async () => expect(await ok('auth:whoami')).toContain('admin@dozen.localhost'))

  it('creates an app by flags, and pushes by its own https remote and credential helper', async () => {
    const tree = new Worktree(folder, env)
    await tree.init()
    await tree.commit(nodeApp('first', { procfile: 'worker: sleep 1000\nrelease: echo preparing\n' }))
    const made = await heroku(['create', app, '--region', 'us', '--stack', 'heroku-22', '--buildpack', 'heroku/nodejs'], {
      cwd: folder,
    })
    expect(made.stdout, said(made)).toMatch(new RegExp(`http://${app}.localhost:\\d+/ \\| https://127.0.0.1:\\d+/${app}.git`))
    const [program, ...rest] = watch.watched(['git', 'push', 'heroku', 'HEAD:main'])
    const pushed = await run(program, rest, { cwd: folder, env })
    expect(pushed.code, pushed.stderr).toBe(0)
    expect(pushed.stderr).toContain('deployed to dozen')
    await world.expectUp(app, 'first')
    expect(said(await heroku(['ps'], { cwd: folder }))).toMatch(/web\.1: up/) // the app is known by the remote
  })

  it('refuses another region and teams with words', async () => {
    await Promise.all([
      refused(/There is no region "eu"/, 'create', 'elsewhere', '--region', 'eu', '--no-remote'),
      refused(/There are no teams here/, 'create', 'elsewhere', '--team', 'them', '--no-remote'),
      refused(/There are no teams here/, 'members', '--team', 'them'),
      refused(
        /dozen has none: run the service in a container or elsewhere/,
        'addons:create',
        'heroku-postgresql:mini',
        '-a',
        app,
      ),
      refused(/`dozen run` starts a one-off dyno/, 'run:inside', 'web.1', 'ls', '-a', app),
      refused(/There is no dyno size "performance-m"/i, 'ps:type', 'web=performance-m', '-a', app),
    ])
  })

  it('shows apps', async () => {
    const [list, info, shell, whole] = await Promise.all([
      ok('apps'),
      ok('apps:info', '-a', app),
      ok('apps:info', '-s', '-a', app),
      json<{ app: { name: string }; dynos: { name: string }[] }>('apps:info', '-a', app),
    ])
    expect(list).toContain(app)
    expect(info).toMatch(/Owner: +admin@dozen.localhost[^]*Dynos: +web: 1/)
    expect(shell).toContain('stack=heroku-22')
    expect(whole.dynos.map(({ name }) => name)).toEqual(['web.1'])
  })

  it('shows and scales processes', async () => {
    expect(await ok('ps:scale', 'web=2', 'worker+1', '-a', app)).toMatch(/web at 2.*worker at 1/)
    await world.until(async () => (await heroku(['ps', '-a', app])).stdout.includes('web.2: up'), 30_000, 'web.2 is up')
    expect(await ok('ps:scale', '-a', app)).toContain('web=2')
    await ok('ps:restart', '--dyno-name', 'web.1', '-a', app)
    await ok('ps:stop', '--dyno-name', 'web.2', '-a', app)
    await ok('ps:scale', 'web=1', 'worker=0', '-a', app)
    expect(await ok('ps:type', '-a', app)).toMatch(/web +Standard-1X +1/)
  })

  it('sets, reads, edits and removes config vars', async () => {
    expect(await ok('config:set', 'A=1', 'B=two words', '-a', app)).toMatch(/done, v\d+/)
    expect((await heroku(['config:get', 'B', '-a', app])).stdout.trim()).toBe('two words')
    const editor = join(home, 'editor')
    await writeFile(editor, '#!/bin/sh\nsed -i s/two/three/ "$1"\n')
    await chmod(editor, 0o755)
    const edit = await terminal(['config:edit', '-a', app], { EDITOR: editor })
    await shows(edit.screen, '(y/N)')
    edit.type('y\r')
    expect(await edit.ended, edit.screen()).toBe(0)
    expect(await json('config', '-a', app)).toEqual({ A: '1', B: 'three words' })
    expect(await ok('config:unset', 'A', '-a', app)).toMatch(/done, v\d+/)
  })

  it('lists releases, shows one and its output, releases again and rolls back', async () => {
    expect(await ok('releases', '-a', app)).toContain('Set A, B config vars')
    const [second, output, listed] = await Promise.all([
      ok('releases:info', 'v2', '-a', app),
      ok('releases:output', 'v2', '-a', app),
      json<{ version: number }[]>('releases', '-n', '3', '-a', app),
    ])
    expect(second).toContain('Deploy')
    expect(output).toContain('preparing')
    expect(listed).toHaveLength(3)
    expect(await ok('releases:retry', '-a', app)).toMatch(/done, v\d+/)
    expect(await ok('releases:rollback', 'v2', '-a', app)).toMatch(/done, v\d+/)
    await ok('ps:wait', '-a', app)
    expect(await ok('releases', '-a', app)).toContain('Rollback to v2')
  })

  it('runs one-off dynos: how they ended, piped input, a terminal, detached', async () => {
    const [ended, piped, detached] = await Promise.all([
      heroku(['run', '-a', app, '-x', '--no-tty', '--', 'echo from-inside; exit 4']),
      heroku(['run', '-a', app, '--no-tty', '--', 'wc -l'], { input: 'a line\n'.repeat(2000) }),
      ok('run:detached', '-a', app, '--', 'echo afar'),
    ])
    expect(ended.stdout, ended.stderr).toContain('from-inside')
    expect(ended.code).toBe(4)
    expect(piped.stdout).toContain('2000')
    expect(detached).toContain('heroku logs')
    const shell = await terminal(['run', '-a', app, 'bash'])
    await shows(shell.screen, /\$ /)
    shell.type('stty size; echo in $DYNO; exit\r')
    await shows(shell.screen, /33 91\s+in run\.\d/)
    expect(await shell.ended).toBe(0)
  })

  it('is run by `dozen heroku` over plain HTTP, over TLS, and against a server elsewhere, attached runs too', async () => {
    const { port } = new URL(world.endpoints.api)
    const elsewhere = createTcp((near) => {
      const far = connect(Number(port), '127.0.0.1')
      near.on('error', () => far.destroy()).pipe(far)
      far.on('error', () => near.destroy()).pipe(near)
    }).listen(0, '127.0.0.2')
    await new Promise((resolve) => elsewhere.once('listening', resolve))
    const far = `https://127.0.0.2:${(elsewhere.address() as AddressInfo).port}`
    const by = (url: string, ...args: string[]) =>
      world.cliWith(
        { env: { PATH: env['PATH'], HOME: home, DOZEN_URL: url, DOZEN_CA: join(world.home, 'certs', 'ca.pem') } },
        'heroku',
        ...args,
      )
    try {
      const all = await Promise.all([
        by(`http://127.0.0.1:${port}`, 'whoami'),
        by(`https://localhost:${port}`, 'run', '-x', '--no-tty', '-a', app, '--', 'exit 3'),
        by(far, 'config:set', 'FAR=1', '-a', app),
        by(far, 'run', '-x', '--no-tty', '-a', app, '--', 'exit 5'),
      ])
      expect(
        all.map(({ code }) => code),
        all.map(said).join('\n'),
      ).toEqual([0, 3, 0, 5])
    } finally {
      elsewhere.close()
    }
  })

  it('reads logs, and follows them', async () => {
    const [all, some] = await Promise.all([
      ok('logs', '-a', app, '-n', '500'),
      ok('logs', '-a', app, '-n', '500', '--source', 'app', '--dyno-name', 'api'),
    ])
    expect(all).toMatch(/app\[api\]: .*Release v\d+ created/)
    expect(some).not.toContain('[router]')
    const tail = await terminal(['logs', '--tail', '-n', '1', '-a', app])
    await shows(tail.screen, /\d{4}-\d\d-\d\dT/)
    await world.get(app, '/followed')
    await shows(tail.screen, '/followed')
    tail.type('\x03')
    await tail.ended
  })

  describe.concurrent('does all of', () => {
    it('domains and certificates', async ({ expect: see }) => {
      const host = 'www.stock.example'
      await mkdir(join(home, 'ca'))
      const { cert, key } = await apiCertificate(join(home, 'ca'), [host], new Date())
      const [chain, secret] = [join(home, 'c.pem'), join(home, 'k.pem')]
      await Promise.all([writeFile(chain, cert), writeFile(secret, key)])
      see(await ok('domains:add', host, '-a', app)).toContain(`DNS Target ${app}.localhost`)
      const add = await terminal(['certs:add', chain, secret, '-a', app])
      await shows(add.screen, 'Select domains')
      add.type('a\r')
      see(await add.ended, add.screen()).toBe(0)
      see(await ok('certs', '-a', app)).toContain(host)
      see(await ok('domains', '-a', app)).toMatch(/www\.stock\.example .*stock-[0-9a-f]{6}/)
      await ok('certs:update', chain, secret, '--confirm', app, '-a', app)
      await ok('certs:remove', '--confirm', app, '-a', app)
      see(await ok('certs:auto:enable', '-a', app)).toContain('Enabling Automatic Certificate Management')
      await ok('certs:auto:refresh', '-a', app)
      see(await ok('certs:auto', '-a', app)).toContain(host)
      await ok('certs:auto:disable', '--confirm', app, '-a', app)
      await ok('domains:clear', '-a', app)
    })
    it('drains, buildpacks and maintenance', async ({ expect: see }) => {
      await ok('drains:add', 'syslog://127.0.0.1:9', '-a', app)
      see(await ok('drains', '-a', app)).toMatch(/syslog:\/\/127.0.0.1:9 \(d\./)
      await ok('drains:remove', 'syslog://127.0.0.1:9', '-a', app)
      await ok('buildpacks:add', '-i', '1', 'https://example.com/some/pack.git#v2', '-a', app)
      see(await ok('buildpacks', '-a', app)).toMatch(/1\. https:\S+pack.git#v2\s+2\. heroku\/nodejs/)
      await ok('buildpacks:remove', '-i', '1', '-a', app)
      await ok('maintenance:on', '-a', app)
      see(await ok('maintenance', '-a', app)).toContain('on')
      await ok('maintenance:off', '-a', app)
    })
    it('access, keys and authorizations', async ({ expect: see }) => {
      await world.cliOk('users:create', 'bob@example.com')
      await ok('access:add', 'bob@example.com', '-a', app)
      see(await ok('access', '-a', app)).toMatch(/bob@example.com +collaborator +deploy, operate, view/)
      await ok('access:remove', 'bob@example.com', '-a', app)
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'me@stock', '-f', join(home, 'key')])
      await ok('keys:add', join(home, 'key.pub'))
      see(await ok('keys')).toContain('me@stock')
      await ok('keys:remove', 'me@stock')
      await ok('keys:add', join(home, 'key.pub'))
      await ok('keys:clear')
      const { id } = await json<{ id: string }>('authorizations:create', '-d', 'robot', '-s', 'read', '-e', '1000')
      see(await ok('authorizations')).toContain('robot')
      see(await ok('authorizations:rotate', id)).toMatch(/dzn_/)
      await ok('authorizations:revoke', id)
    })
    it.for([['features', '-a', app], ['addons', '-a', app], ['regions'], ['status']])(
      '%j',
      async (args) => void (await ok(...args)),
    )
  })

  it('has webhooks told of releases, and says how that went', async () => {
    const told: { resource: string; data: { description: string } }[] = []
    const receiver = createServer(async (request, response) => {
      told.push(JSON.parse(Buffer.concat(await request.toArray()).toString()) as (typeof told)[number])
      response.end()
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => receiver.once('listening', resolve))
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    try {
      expect(await ok('webhooks:add', '-i', 'api:release', '-l', 'sync', '-u', url, '-a', app)).toMatch(/Signing Secret|webhook/i)
      const [, id] = /([0-9a-f-]{36})/.exec(await ok('webhooks', '-a', app)) ?? []
      expect(await ok('webhooks:info', id!, '-a', app)).toContain(url)
      await ok('webhooks:update', id!, '-i', 'api:release,api:build', '-l', 'sync', '-u', url, '-a', app)
      await ok('config:set', 'HOOKED=1', '-a', app)
      await world.until(() => told.length >= 2, 20_000, 'both ends of the release are told')
      expect(told[0]).toMatchObject({ resource: 'release', action: 'create', data: { description: 'Set HOOKED config vars' } })
      expect(await ok('webhooks:deliveries', '-a', app)).toContain('succeeded')
      expect(await ok('webhooks:events', '-a', app)).toMatch(/release +create/)
      await ok('webhooks:remove', id!, '-a', app)
    } finally {
      receiver.close()
    }
  })

  it('puts apps in a pipeline, promotes, and compares', async () => {
    await ok('pipelines:create', 'stockline', '-a', app, '-s', 'staging')
    await ok('apps:create', 'stock-prod', '--no-remote')
    await ok('pipelines:add', 'stockline', '-a', 'stock-prod', '-s', 'production')
    expect(await ok('pipelines:info', 'stockline')).toContain('stock-prod')
    expect(await ok('pipelines:promote', '-a', app)).toContain('succeeded')
    await world.expectUp('stock-prod', 'first')
    expect(await ok('apps:diff', app, 'stock-prod')).toContain('config (HOOKED)')
    await ok('pipelines:remove', '-a', 'stock-prod')
    await ok('pipelines:destroy', 'stockline')
  })

  it('renames, clones, transfers and destroys', async () => {
    await ok('apps:rename', 'stock-two', '-a', app)
    await ok('git:clone', '-a', 'stock-two', join(home, 'clone'))
    await ok('apps:transfer', 'bob@example.com', '-a', 'stock-two')
    expect(await ok('apps:info', '-a', 'stock-two')).toMatch(/Owner: +bob@example.com/)
    await ok('apps:destroy', '-a', 'stock-two', '--confirm', 'stock-two')
    await refused(/Couldn't find that app/, 'apps:info', '-a', 'stock-two')
    await rm(join(home, 'clone'), { recursive: true })
  })

  it('has connected to nothing but this machine', () => {
    if (!watch.isAble && !process.env.CI)
      return console.error('strace may not trace here: the network of the official CLI was NOT watched.')
    expect(watch.connections().length).toBeGreaterThan(50)
    expect(watch.foreign()).toEqual([])
  })
})
