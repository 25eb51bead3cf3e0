import { PassThrough, duplexPair, type Duplex } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { fakeEngine } from '../../test/support/fake-engine.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { LABEL } from '../engine/labels.ts'
import type { ProcessOf } from '../formation/dynos.ts'
import type { Release } from '../releases/release.ts'
import { runs } from './runs.ts'
import type { RunRequest } from './run.ts'

const HOUR = 3_600_000
const release = {
  id: 'r',
  version: 4,
  source: { image: 'img', imageKind: 'buildpack', processTypes: { web: 'x', worker: 'y' } },
} as unknown as Release
const attached: RunRequest = { command: 'bash', attach: true, env: { A: '1' }, tty: false, exitStatus: true }
const detached: RunRequest = { ...attached, attach: false }

function make() {
  const engine = fakeEngine()
  const clock = fakeClock(Date.parse('2026-01-01T00:00:00Z'))
  const db = shopDb()
  const lines: string[] = []
  const asked: ProcessOf[] = []
  const errors: unknown[] = []
  let secrets = 0
  let ids = 0
  const live = () =>
    runs({
      db,
      clock,
      engine,
      instance: 'i',
      ids: { uuid: () => `id-${++ids}`, secret: () => `secret-${++secrets}` },
      logs: { publish: ({ dyno, text }) => lines.push(`${dyno}: ${text}`) },
      network: () => Promise.resolve('net'),
      spec: (process) => {
        asked.push(process)
        return { name: `c-${process.dyno}`, image: 'img', env: {}, labels: {} } as never
      },
      current: () => release,
      collect: () => {},
      finished: () => Promise.resolve(),
      timeoutMs: 24 * HOUR,
      onError: (_what, cause) => errors.push(cause),
    })
  const containers = () => engine.list({ [LABEL.role]: 'run' })
  const running = () => vi.waitFor(async () => expect((await containers())[0]?.state).toBe('running'))
  const gone = () => vi.waitFor(async () => expect(await containers()).toEqual([]))
  return { engine, clock, lines, asked, errors, live, containers, running, gone, runs: live() }
}

/** The client's end of a connection, and all that it heard. */
function client() {
  const [ours, theirs] = duplexPair() as unknown as [Duplex, Duplex]
  const heard = new PassThrough()
  ours.pipe(heard)
  return { ours, theirs, text: async () => (await heard.toArray()).join('') }
}

describe('an attached one-off dyno', () => {
  it('starts when its client comes, tells it the exit status, and leaves nothing', async () => {
    const { engine, runs, containers, running, gone, lines } = make()
    const { secret, name } = await runs.start(shop, user, attached)
    expect((await containers())[0]?.state).toBe('created')
    const { theirs, text } = client()
    const over = runs.attach(secret!, theirs)
    await running()
    const [container] = await containers()
    expect(engine.spec(container!.id)).toMatchObject({ env: { A: '1' }, openStdin: true, tty: false })
    engine.crash(container!.id, 3)
    expect(await over).toBe(true)
    expect(await text()).toBe('\uFFFF heroku-command-exit-status: 3\r\n')
    await gone()
    expect(lines).toContain(`${name}: Process exited with status 3`)
    expect(runs.list('a1')).toEqual([])
  })

  it.each([
    ['worker', 'y'],
    ['worker 42 --now', 'y 42 --now'],
    ['workers 42', 'workers 42'],
    ['echo worker', 'echo worker'],
  ])('a process type stands for its command: %s', async (command, meant) => {
    const { runs, asked } = make()
    await runs.start(shop, user, { ...detached, command })
    expect(asked[0]).toMatchObject({ command: meant })
  })

  it('gives its streams once, and to nobody with another secret', async () => {
    const { runs, running } = make()
    const { secret } = await runs.start(shop, user, attached)
    expect(await runs.attach('another', client().theirs)).toBe(false)
    void runs.attach(secret!, client().theirs)
    await running()
    expect(await runs.attach(secret!, client().theirs)).toBe(false)
  })

  it('gets SIGHUP and is removed when its client goes away', async () => {
    const { engine, runs, running, gone } = make()
    const kill = vi.spyOn(engine, 'kill')
    const { secret } = await runs.start(shop, user, attached)
    const { theirs } = client()
    void runs.attach(secret!, theirs)
    await running()
    theirs.destroy()
    await gone()
    expect(kill).toHaveBeenCalledWith(expect.any(String), 'SIGHUP')
  })

  it('is hung up when its client closes its half: that is what a killed one does', async () => {
    const { runs, running, gone } = make()
    const { secret } = await runs.start(shop, user, attached)
    const { ours, theirs } = client()
    void runs.attach(secret!, theirs)
    await running()
    ours.end()
    await gone()
  })

  it.each(['before', 'after'])(
    'closes its input once as many bytes have come as its client says, said %s they are joined',
    async (when) => {
      const { engine, runs, running } = make()
      const { secret, name } = await runs.start(shop, user, attached)
      const input = new PassThrough()
      const attach = engine.attach
      engine.attach = async (id) => ({ ...(await attach(id)), input })
      const { ours, theirs } = client()
      if (when === 'before') runs.endInput(shop, name, 5)
      void runs.attach(secret!, theirs)
      await running()
      if (when === 'after') runs.endInput(shop, name, 5)
      ours.write('ab\x04')
      ours.write('cd')
      expect((await input.toArray()).join('')).toBe('ab\x04cd')
      expect(() => runs.endInput(shop, 'run.9', 0)).toThrow("Couldn't find that dyno")
    },
  )

  it('that nobody fetches within a minute is removed without having run', async () => {
    const { clock, runs, gone, lines } = make()
    const { secret } = await runs.start(shop, user, attached)
    await clock.advance(61_000)
    await gone()
    expect(await runs.attach(secret!, client().theirs)).toBe(false)
    expect(lines.join()).not.toContain('starting to up')
  })

  it('is ended by the next controller, since its client is gone', async () => {
    const { runs, live, running, gone } = make()
    const { secret } = await runs.start(shop, user, attached)
    void runs.attach(secret!, client().theirs)
    await running()
    await live().tidy()
    await gone()
    expect(live().list('a1')).toEqual([])
  })
})

describe('a detached one-off dyno', () => {
  it('runs on under the next controller, and is removed at its end', async () => {
    const { engine, runs, live, containers, running, gone } = make()
    await runs.start(shop, user, detached)
    await running()
    const next = live()
    await next.tidy()
    expect(next.list('a1').map(({ name, state }) => `${name} ${state}`)).toEqual(['run.1 up'])
    engine.crash((await containers())[0]!.id, 0)
    await gone()
    expect(next.list('a1')).toEqual([])
  })

  it('is stopped at the time limit', async () => {
    const { clock, runs, running, gone } = make()
    await runs.start(shop, user, detached)
    await running()
    await clock.advance(24 * HOUR - 1000)
    await running()
    await clock.advance(1000)
    await gone()
  })

  it('leaves neither container nor open record when the engine refuses to start it', async () => {
    const { engine, runs, containers } = make()
    vi.spyOn(engine, 'start').mockRejectedValueOnce(new Error('no space left'))
    await expect(runs.start(shop, user, detached)).rejects.toThrow('no space left')
    expect(await containers()).toEqual([])
    expect(runs.list('a1')).toEqual([])
  })
})

describe('what a one-off dyno runs as', () => {
  it('is the type that was asked for: its image and its limits', async () => {
    const { runs, asked } = make()
    await runs.start(shop, user, { ...attached, type: 'worker' })
    expect(asked.at(-1)).toMatchObject({ dyno: 'run.1', type: 'worker', command: 'bash' })
  })

  it('is refused with the types there are when there is no such type', async () => {
    const { runs, containers } = make()
    const sentence = 'shop has no process type "clock". It has web, worker, run.'
    await expect(runs.start(shop, user, { ...attached, type: 'clock' })).rejects.toThrow(sentence)
    await expect(runs.start(shop, user, { ...attached, type: 'constructor' })).rejects.toThrow('no process type')
    expect(await containers()).toEqual([])
  })

  it.each([
    ['no command', '', 'A command to run is missing'],
    ['blanks', ' \n', 'A command to run is missing'],
    ['a NUL byte', 'a\0b', 'NUL'],
    ['64 KiB and more', 'x'.repeat(65_537), 'longer than 65536 bytes'],
  ])('refuses %s', async (_what, command, sentence) => {
    await expect(make().runs.start(shop, user, { ...attached, command })).rejects.toThrow(sentence)
  })
})
