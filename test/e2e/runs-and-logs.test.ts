import { describe, expect, it } from 'vitest'
import { nodeApp, useWorld } from '../support/world.ts'

describe('one-off dynos', () => {
  const world = useWorld()
  it('give back what the command printed and how it ended', async () => {
    const app = await world.create('oneoff')
    await world.push(app, nodeApp('one'))
    await world.cliOk('config:set', 'GREETING=hello there', '--wait', '-a', app)
    const done = await world.cli('run', '-a', app, '--', 'echo "$GREETING from $DYNO"; exit 7')
    expect(done).toMatchObject({ code: 7 })
    expect(done.stdout).toMatch(/^hello there from run\.1\r?\n$/)
    expect((await world.cli('run', '-a', app, '--', 'kill -9 $$')).code).toBe(137)
    await world.until(async () => (await world.containers(app)).length === 1, 10_000, 'only the web process is left')
  })
  it('read standard input to its end', async () => {
    const app = await world.create('piped')
    await world.push(app, nodeApp('one'))
    const text = 'line\n'.repeat(50_000)
    const done = await world.cliWith({ input: text }, 'run', '-a', app, '--', 'wc -l')
    expect(done.stdout.trim()).toBe('50000')
  })
  it('run detached, with their output in the stream', async () => {
    const app = await world.create('detached')
    await world.push(app, nodeApp('one'))
    await world.cliOk('run:detached', '-a', app, '--', 'echo from afar')
    await world.until(async () => (await world.logs(app)).includes('app[run.1]: from afar'), 20_000, 'its line is there')
  })
  it('are refused before anything is deployed', async () => {
    const app = await world.create('empty')
    const { code, stderr } = await world.cli('run', '-a', app, '--', 'ls')
    expect(code).toBe(1)
    expect(stderr).toContain('Nothing is deployed yet')
  })
})

describe('the log stream', () => {
  const world = useWorld()
  it('has every line of every process in order, and of the router, the build, the release and the platform', async () => {
    const app = await world.create('stream')
    const server = `
      for (let i = 1; i <= 3000; i++) console.log('line ' + i)
      console.error('to stderr')
      require('http').createServer((q, r) => r.end('one')).listen(process.env.PORT)`
    await world.push(app, { ...nodeApp('x', { procfile: 'release: echo from the release phase\n' }), 'server.js': server })
    await world.expectUp(app, 'one')
    await world.until(
      async () => (await world.logs(app)).includes('dozen[router]: at=info'),
      10_000,
      "the router's line is there",
    )
    const text = await world.logs(app, 5000)
    const numbers = [...text.matchAll(/app\[web\.1\]: line (\d+)$/gm)].map((match) => Number(match[1]))
    expect(numbers).toEqual(Array.from({ length: 3000 }, (_, index) => index + 1))
    for (const line of [
      'app[web.1]: to stderr',
      'app[release.2]: from the release phase',
      'app[build]: -----> Build succeeded',
      'app[api]: Release v2 created by user',
      'dozen[web.1]: State changed from starting to up',
    ]) expect(text).toContain(line) // prettier-ignore
    expect(text).toMatch(
      /dozen\[router\]: at=info method=GET path="\/" host=stream\.localhost request_id=\S+ fwd="127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=\d+ protocol=http1\.1 tls=false/,
    )
  })
  it('is filtered and bounded as asked', async () => {
    const app = 'stream'
    expect((await world.cliOk('logs', '-a', app, '-n', '5', '--dyno', 'web')).trim().split('\n')).toHaveLength(5)
    expect(await world.cliOk('logs', '-a', app, '--source', 'dozen')).not.toContain(' app[')
  })
  it('keeps every line over a kill of the controller, once', async () => {
    const app = await world.create('killed')
    const server = `
      let i = 0
      setInterval(() => console.log('tick ' + ++i), 5)
      require('http').createServer((q, r) => r.end('one')).listen(process.env.PORT)`
    await world.push(app, { ...nodeApp('x'), 'server.js': server })
    const last = async () =>
      Math.max(0, ...[...(await world.logs(app, 5000)).matchAll(/tick (\d+)$/gm)].map((match) => Number(match[1])))
    for (const goal of [200, 500]) {
      await world.until(async () => (await last().catch(() => 0)) > goal, 40_000, `more than ${goal} ticks`)
      await world.killController()
    }
    await world.until(async () => (await last().catch(() => 0)) > 1000, 60_000, 'more than 1000 ticks')
    const ticks = [...(await world.logs(app, 20_000)).matchAll(/tick (\d+)$/gm)].map((match) => Number(match[1]))
    expect(ticks).toEqual(Array.from({ length: ticks.length }, (_, index) => index + 1))
  })
  it('shows new lines to who tails it', async () => {
    const app = await world.create('tailed')
    await world.push(app, nodeApp('one'))
    const tail = world.tail(app)
    await world.get(app, '/from-the-test')
    await world.until(() => tail.output().includes('path="/from-the-test"'), 15_000, 'the tail shows the request')
    await tail.stop()
  })
})
