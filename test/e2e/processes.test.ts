import { describe, expect, it } from 'vitest'
import { inspect, nodeApp, signal, useWorld } from '../support/world.ts'

describe('processes', () => {
  const world = useWorld({ env: { DOZEN_PROOF_TIME: '1s', DOZEN_STOP_TIMEOUT: '4s', DOZEN_WATCH_WINDOW: '0' } })
  const dynos = async (app: string) =>
    JSON.parse(await world.cliOk('ps', '-a', app, '--json')) as {
      name: string
      state: string
      reason: string | null
      release: { version: number }
    }[]
  const names = async (app: string) => (await dynos(app)).map((dyno) => `${dyno.name} ${dyno.state}`)

  it('scale up, down and to none, without a release', async () => {
    const app = await world.create('scaled')
    await world.push(app, nodeApp('one', { procfile: 'worker: sleep 1000\n' }))
    expect(await world.cliOk('ps:scale', 'web=3', 'worker+1', '-a', app)).toBeDefined()
    await world.until(
      async () => (await names(app)).join() === 'web.1 up,web.2 up,web.3 up,worker.1 up',
      20_000,
      'four processes are up',
    )
    await world.cliOk('ps:scale', 'web=1', 'worker-1', '-a', app)
    await world.until(async () => (await world.containers(app)).length === 1, 20_000, 'one container is left')
    await world.cliOk('ps:scale', 'web=0', '-a', app)
    await world.until(async () => (await world.get(app)).body.includes('H14'), 20_000, 'the router says H14')
    await world.cliOk('ps:scale', 'web=1', '-a', app)
    await world.expectUp(app, 'one')
    expect(JSON.parse(await world.cliOk('releases', '-a', app, '--json'))).toHaveLength(2)
  })

  it('come back after a crash, later after each one in a row, and ps says why (ABUSE 85)', async () => {
    const app = await world.create('crashing')
    await world.push(app, nodeApp('one'))
    const [first] = await world.containers(app)
    await world.get(app, '/crash').catch(() => {})
    await world.until(
      async () => (await world.containers(app)).some((one) => one.id !== first!.id && one.state === 'running'),
      20_000,
      'it was started anew',
    )
    await world.expectUp(app, 'one')
    await world.get(app, '/crash').catch(() => {})
    await world.until(
      async () =>
        (await dynos(app)).some((dyno) => /exited with status 1, 2 crashes in a row, restarts in/.test(dyno.reason ?? '')),
      20_000,
      'ps tells the crash',
    )
    await world.expectUp(app, 'one')
    expect(await world.logs(app)).toMatch(
      /dozen\[web\.1\]: Process exited with status 1\n.*dozen\[web\.1\]: State changed from up to crashed/,
    )
  })

  it('restart one by one without a failed request', async () => {
    const app = await world.create('restarted')
    await world.push(app, nodeApp('one'))
    await world.cliOk('ps:scale', 'web=2', '-a', app)
    await world.until(async () => (await names(app)).join() === 'web.1 up,web.2 up', 20_000, 'both are up')
    const before = (await world.containers(app)).map((one) => one.id)
    const load = await world.load(app)
    const { stderr } = await world.cli('ps:restart', '-a', app)
    expect(stderr).toMatch(/ 0 of \d+ requests failed, longest wait \d+ ms, connections: \d+ drained, 0 cut/)
    await world.until(
      async () => (await world.containers(app)).every((one) => !before.includes(one.id)),
      40_000,
      'all containers are new',
    )
    expect((await load.stop()).failed).toEqual([])
  })

  it('get their config as it was set, byte for byte, and a config change is a release (ABUSE 6, 11)', async () => {
    const app = await world.create('configured')
    await world.push(app, nodeApp('one'))
    const value = `two\nlines 'q' "d" $X \`id\` = 🚀`
    await world.api('PATCH', `/apps/${app}/config-vars`, { VALUE: value, LD_PRELOAD_X: 'x' })
    const got = await world.until(
      async () => {
        const env = JSON.parse((await world.get(app, '/env')).body) as Record<string, string>
        return env['VALUE'] !== undefined && env
      },
      20_000,
      'the new config is there',
    )
    expect(got).toMatchObject({
      VALUE: value,
      DYNO: 'web.1',
      DOZEN_APP_NAME: 'configured',
      DOZEN_RELEASE_VERSION: 'v3',
      HOME: '/app',
    })
    expect(await world.cliOk('releases', '-a', app)).toMatch(/v3 \*\s+succeeded\s+Set VALUE, LD_PRELOAD_X config vars/)
  })

  it('get image and config back by a rollback', async () => {
    const app = await world.create('rolled')
    await world.cliOk('config:set', 'A=old', '-a', app)
    await world.push(app, nodeApp('one'))
    const cost = '... done, no requests came meanwhile'
    expect((await world.cli('config:set', 'A=new', '--wait', '-a', app)).stderr).toContain(cost)
    await world.push(app, nodeApp('two'))
    expect((await world.cli('rollback', 'v3', '-a', app)).stderr).toContain(cost)
    await world.expectUp(app, 'one')
    expect((JSON.parse((await world.get(app, '/env')).body) as { A: string }).A).toBe('old')
    expect(await world.cliOk('config:get', 'A', '-a', app)).toBe('old\n')
  })

  it('that take more memory than their type may are killed, with R14, and ps says why', async () => {
    const app = await world.create('greedy')
    const server = `const eaten = []; require('http').createServer((q, r) => { r.end('hungry'); if (q.url === '/eat') setInterval(() => eaten.push(Buffer.alloc(16e6, 1)), 5) }).listen(process.env.PORT)`
    await world.push(app, { ...nodeApp('x'), 'server.js': server })
    const [first] = await world.containers(app)
    await world.cliOk('limits:set', 'web', '--memory', '96m', '-a', app)
    const isReplaced = async () => (await world.containers(app)).every((one) => one.id !== first!.id)
    await world.until(isReplaced, 30_000, 'it runs with the new limit')
    await world.expectUp(app, 'hungry')
    const [container] = await world.containers(app)
    await world.get(app, '/eat')
    const told = ['dozen[web.1]: Error R14 (Memory quota exceeded)', 'Process ran out of memory and was killed']
    const isTold = async () => world.logs(app).then((log) => told.every((line) => log.includes(line)))
    await world.until(isTold, 30_000, 'R14 is told')
    await world.until(
      async () => (await world.containers(app)).some((one) => one.id !== container!.id),
      30_000,
      'another one runs',
    )
    await world.expectUp(app, 'hungry')
  })

  it('that ignore SIGTERM are killed after the grace, with R12 (ABUSE 83)', async () => {
    const app = await world.create('stubborn')
    const server = `process.on('SIGTERM', () => {}); require('http').createServer((q, r) => r.end('stubborn')).listen(process.env.PORT)`
    await world.push(app, { ...nodeApp('x'), 'server.js': server })
    await world.cliOk('ps:scale', 'web=0', '-a', app)
    await world.until(async () => (await world.logs(app)).includes('Error R12 (Exit timeout)'), 30_000, 'R12 is told')
  })

  it('of two apps stay apart, whatever their names', async () => {
    const [one, two] = [await world.create('shop'), await world.create('shop-2')]
    await Promise.all([world.push(one, nodeApp('this is shop')), world.push(two, nodeApp('this is shop-2'))])
    await world.expectUp(one, 'this is shop')
    await world.expectUp(two, 'this is shop-2')
    await world.cliOk('ps:scale', 'web=0', '-a', one)
    await world.until(async () => (await world.containers(one)).length === 0, 20_000, 'shop is down')
    await world.expectUp(two, 'this is shop-2')
  })

  it('run as a plain user without capabilities, and cannot reach each other', async () => {
    const [a, b] = [await world.create('inner'), await world.create('outer')]
    await world.push(a, nodeApp('inner'))
    await world.push(b, nodeApp('outer'))
    const [container] = await world.containers(a)
    const info = await inspect(container!.id)
    const ip = Object.values(info.NetworkSettings.Networks)[0]!.IPAddress
    const { stdout } = await world.cli(
      'run',
      '-a',
      b,
      '--',
      `id -u; grep CapEff /proc/self/status; curl -s -m 2 http://${ip}:5000/ || echo refused`,
    )
    expect(stdout).toMatch(/^1000\r?\nCapEff:\s+0000000000000000\r?\nrefused/)
  })

  it('killed from outside come back', async () => {
    const app = await world.create('shot')
    await world.push(app, nodeApp('one'))
    const [container] = await world.containers(app)
    await signal(container!.id, 'SIGKILL')
    await world.until(
      async () => (await world.containers(app)).some((one) => one.id !== container!.id && one.state === 'running'),
      20_000,
      'a new one runs',
    )
    await world.expectUp(app, 'one')
  })
})

describe('custom domains', () => {
  const world = useWorld()
  it('lead to their app until they are removed', async () => {
    const app = await world.create('domains')
    await world.push(app, nodeApp('mine'))
    await world.cliOk('domains:add', 'www.example.com', '-a', app)
    await world.expectUp('www.example.com', 'mine')
    await world.cliOk('domains:remove', 'www.example.com', '-a', app)
    await world.until(async () => (await world.get('www.example.com')).status === 404, 10_000, 'the name is free')
  })
})
