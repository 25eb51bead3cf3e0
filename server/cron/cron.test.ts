import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import type { ScheduledCommand } from '../manifest/schedule.ts'
import type { Release } from '../releases/release.ts'
import type { PastRun } from '../runs/store.ts'
import { cron } from './cron.ts'

const MINUTE = 60_000
const START = Date.parse('2026-01-01T00:00:10Z')

function make({ declared = [] as ScheduledCommand[], isDeployed = true, refuses = false } = {}) {
  const clock = fakeClock(START)
  const lines: string[] = []
  const started: { command: string; at: string }[] = []
  const running: PastRun[] = []
  const db = shopDb()
  const state = { declared, isDeployed, refuses }
  const jobs = () =>
    cron({
      db,
      clock,
      logs: { publish: ({ text }) => lines.push(text) },
      apps: () => [shop],
      current: () => (state.isDeployed ? ({ source: { manifest: { cron: state.declared } } } as unknown as Release) : undefined),
      runs: {
        start: (_app, _user, { command }, { claim }) => {
          claim?.()
          started.push({ command, at: clock.now().toISOString().slice(11, 19) })
          if (state.refuses) return Promise.reject(new Error('The engine does not answer.'))
          return Promise.resolve({ name: `run.${started.length}` } as never)
        },
        ofJob: () => running,
      },
      onError: () => {},
    })
  const stop = new AbortController()
  /** A controller's life from now on, `minutes` of it. */
  async function live(minutes: number) {
    const life = new AbortController()
    const over = jobs().run(life.signal)
    await clock.advance(0)
    for (let ms = 0; ms < minutes * MINUTE; ms += 10_000) await clock.advance(10_000)
    life.abort()
    await over
  }
  return { jobs: jobs(), lines, started, running, clock, live, state, stop }
}

describe('a scheduled job', () => {
  it('runs at its times, once each', async () => {
    const { jobs, started, live } = make()
    jobs.add(shop, user, { schedule: '*/2 * * * *', command: 'clean' })
    await live(6)
    expect(started).toEqual(['00:02:00', '00:04:00', '00:06:00'].map((at) => ({ command: 'clean', at })))
  })

  it('of app.json runs as long as its release serves (ABUSE 12)', async () => {
    const every: ScheduledCommand = { schedule: '* * * * *', command: 'tick', overlap: false }
    const { started, live, state, jobs } = make({ declared: [every] })
    await live(2)
    state.declared = []
    await live(2)
    state.declared = [every]
    await live(1)
    expect(started.map(({ at }) => at)).toEqual(['00:01:00', '00:02:00', '00:05:00'])
    expect(jobs.list(shop)).toMatchObject([{ schedule: '* * * * *', origin: 'app.json' }])
    expect(() => jobs.remove(shop, user, jobs.list(shop)[0]!.id)).toThrow('is in app.json: remove it there')
    expect(() => jobs.add(shop, user, every)).toThrow('has this job already')
  })

  it('that was missed while dozen did not run is told and run once', async () => {
    const { jobs, started, lines, live, clock } = make()
    jobs.add(shop, user, { schedule: '0 * * * *', command: 'report' })
    await live(1)
    await clock.advance(5 * 60 * MINUTE)
    await live(1)
    expect(started).toHaveLength(1)
    expect(lines.join('\n')).toContain(
      'The job "0 * * * *" `report` was due 5 times while dozen did not run, last at 2026-01-01T05:00:00.000Z: running it once now',
    )
    await live(1)
    expect(started).toHaveLength(1)
  })

  it('does not overlap itself unless it may', async () => {
    const { jobs, started, lines, live, running } = make()
    running.push({ name: 'run.1', state: 'up' } as PastRun)
    jobs.add(shop, user, { schedule: '* * * * *', command: 'slow' })
    jobs.add(shop, user, { schedule: '* * * * *', command: 'fast', overlap: true })
    await live(1)
    expect(started.map(({ command }) => command)).toEqual(['fast'])
    expect(lines).toContain('Skipped the job "* * * * *" `slow`: run.1 still runs it')
  })

  it('that cannot be started is told, and tried again at its next time only', async () => {
    const { jobs, started, lines, live } = make({ refuses: true })
    jobs.add(shop, user, { schedule: '* * * * *', command: 'x' })
    await live(2)
    expect(started.map(({ at }) => at)).toEqual(['00:01:00', '00:02:00'])
    expect(lines).toContain('The job "* * * * *" `x` could not be started: The engine does not answer.')
  })

  it('waits for the first deploy, and is not missed until then', async () => {
    const { jobs, started, live, state } = make({ isDeployed: false })
    jobs.add(shop, user, { schedule: '* * * * *', command: 'x' })
    await live(3)
    state.isDeployed = true
    await live(2)
    expect(started.map(({ at }) => at)).toEqual(['00:04:00', '00:05:00'])
  })

  it('goes on when the clock is set back by a day', async () => {
    const { jobs, started, live, clock } = make()
    jobs.add(shop, user, { schedule: '* * * * *', command: 'x' })
    await live(1)
    await clock.advance(-24 * 60 * MINUTE)
    await live(1)
    expect(started).toHaveLength(2)
  })

  it('can be removed, and an app has 50 at most', () => {
    const { jobs } = make()
    for (let n = 0; n < 50; n++) jobs.add(shop, user, { schedule: '@daily', command: `job ${n}` })
    expect(() => jobs.add(shop, user, { schedule: '@daily', command: 'more' })).toThrow('has 50 jobs already')
    const [first] = jobs.list(shop)
    expect(jobs.remove(shop, user, first!.id).command).toBe(first!.command)
    expect(jobs.list(shop)).toHaveLength(49)
    expect(() => jobs.find(shop, 'nothing')).toThrow("Couldn't find that job.")
  })
})
