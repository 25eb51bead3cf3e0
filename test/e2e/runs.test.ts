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
    expect((await world.cliWith({ input: '' }, 'run', '-a', app, '--', 'cat; echo at its end')).stdout).toBe('at its end\n')
  })
  it('have a terminal: its size, its changes, Ctrl-C, and the status at the end', async () => {
    const terminal = await world.cliOnTerminal('run', '-a', 'oneoff', 'bash')
    const shows = (text: string | RegExp) =>
      world
        .until(() => terminal.screen().match(text), 20_000, `the terminal shows ${String(text)}`)
        .catch((error: Error) => {
          throw new Error(`${error.message}\n${JSON.stringify(terminal.screen())}`)
        })
    await shows(/\$ $/)
    terminal.type('stty size\r')
    await shows('33 91')
    await terminal.resize(120, 40)
    terminal.type('until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done; echo re""sized\r')
    await shows('resized')
    terminal.type('sleep 1000\r')
    await shows(/sleep 1000\s/)
    terminal.type('\x03')
    terminal.type('echo "status $?"\r')
    await shows('status 130')
    terminal.type('exit 5\r')
    expect(await terminal.ended).toBe(5)
    const plain = await world.cliOnTerminal(
      'run',
      '-a',
      'oneoff',
      '--no-tty',
      '--env',
      'A=two words',
      'echo "$A"; test -t 0 || echo no terminal',
    )
    expect(await plain.ended).toBe(0)
    expect(plain.screen()).toMatch(/two words\r?\nno terminal/)
  })
  it('give back large output whole, over TLS too', async () => {
    const command = ['run', '-a', 'oneoff', '--', "head -c 20000000 /dev/zero | tr '\\0' x"]
    expect((await world.cli(...command)).stdout).toBe('x'.repeat(20_000_000))
    const secure = { DOZEN_URL: world.endpoints.api.replace('http:', 'https:'), DOZEN_CA: `${world.home}/certs/ca.pem` }
    expect((await world.cliWith({ env: secure }, ...command)).stdout).toHaveLength(20_000_000)
  })
  it('are hung up and removed when their client is killed, with a terminal and without (ABUSE 88)', async () => {
    const piped = world.cliWith({ input: '', timeoutMs: 5000 }, 'run', '-a', 'oneoff', '--', 'sleep 1000')
    await expect(piped).rejects.toThrow('had not ended')
    const terminal = await world.cliOnTerminal(
      'run',
      '-a',
      'oneoff',
      "trap 'echo hung up; exit' HUP; echo ready; while :; do sleep 0.1; done",
    )
    await world.until(() => /\nready/.test(terminal.screen()), 20_000, 'the command runs')
    terminal.kill()
    await world.until(async () => (await world.containers('oneoff')).length === 1, 20_000, 'only the web process is left')
  })
  it('refuse a size that there is not, and run as the type that is asked for', async () => {
    const { code, stderr } = await world.cli('run', '-a', 'oneoff', '--size', 'performance-l', 'true')
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no dyno size "performance-l"') as string,
    })
    expect((await world.cli('run', '-a', 'oneoff', '--type', 'web', '--', 'echo "$DYNO"')).stdout).toMatch(/^run\.\d+\n$/)
    expect((await world.cli('run', '-a', 'oneoff', '--type', 'clock', 'true')).stderr).toContain('has no process type "clock"')
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
