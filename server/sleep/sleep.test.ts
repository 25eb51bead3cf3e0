import { describe, expect, it } from 'vitest'
import { fakeClock } from '../../test/support/fake-clock.ts'
import { shop, shopDb, user } from '../../test/support/memory.ts'
import { until } from '../../test/support/programs.ts'
import { formations } from '../formation/formations.ts'
import { systemIds } from '../ids.ts'
import type { Release } from '../releases/release.ts'
import { sleep as makeSleep } from './sleep.ts'
import { sleepWatch } from './watch.ts'

function make() {
  const db = shopDb()
  const clock = fakeClock(1_000_000)
  const lines: string[] = []
  const logs = { publish: ({ dyno, text }: { dyno: string; text: string }) => lines.push(`${dyno}: ${text}`) }
  const sleep = makeSleep({ db, clock, logs, wake: () => {} })
  const release = (version: number) => ({ appId: 'a1', version, source: { processTypes: { web: 'w', worker: 'x' } } }) as unknown as Release // prettier-ignore
  let current = release(2)
  const newest = () => current
  const all = formations({ db, clock, ids: systemIds, logs, newest, current: newest, sleep, wake: () => {} })
  all.scale(shop, user, [{ type: 'worker', quantity: 1 }])
  const router = { idle: {} as Record<string, number>, wakes: [] as string[] }
  const visits = new Set<() => void>()
  const watch = sleepWatch({
    clock,
    sleep,
    settled: () => current,
    router: {
      status: async () => ({ idle: router.idle }),
      wakes: async (after, signal) => {
        await new Promise<void>((resolve) => (visits.add(resolve), signal.addEventListener('abort', () => resolve())))
        return { seq: after + 1, apps: router.wakes.splice(0) }
      },
    },
  })
  return {
    db, clock, lines, sleep, all, watch, router,
    deploy: (version: number) => (current = release(version)),
    idle: () => all.slots(current).filter((slot) => slot.idle).map(({ type, ordinal }) => `${type}.${ordinal}`),
    visit: (app: string) => (router.wakes.push(app), visits.forEach((tell) => tell())),
  } // prettier-ignore
}

describe('an app that may sleep', () => {
  it('falls asleep when nobody has visited for so long: its web processes are not wanted, the others are', async () => {
    const { sleep, watch, router, idle, lines } = make()
    expect(sleep.find('a1')).toEqual({ isOn: false, afterMs: 1_800_000, asleepAt: null })
    sleep.on(shop, user, 60)
    router.idle = { a1: 59_000 }
    expect(await watch.look()).toBe(1_000)
    expect(idle()).toEqual([])
    router.idle = { a1: 60_000 }
    await watch.look()
    expect(idle()).toEqual(['web.1'])
    expect(sleep.find('a1')).toEqual({ isOn: true, afterMs: 60_000, asleepAt: new Date(1_000_000) })
    expect(lines.slice(-2)).toEqual(['api: Let web sleep after 60 s without a visit by user dev@example.com', 'web.1: Idling'])
  })

  it('stays awake while the router does not say how long nobody came: it restarts, or the app does not serve', async () => {
    const { sleep, watch, idle } = make()
    sleep.on(shop, user, 1)
    await watch.look()
    expect(idle()).toEqual([])
  })

  it.each<[string, (made: ReturnType<typeof make>) => unknown]>([
    ['a new release', ({ deploy }) => deploy(3)],
    ['scaling', ({ all }) => all.scale(shop, user, [{ type: 'web', quantity: 2 }])],
    ['a restart', ({ all }) => all.restart(shop, user)],
    ['sleep:off', ({ sleep }) => sleep.off(shop, user)],
  ])('is awake after %s', async (_what, act) => {
    const made = make()
    made.sleep.on(shop, user, 1)
    made.sleep.lay('a1', 2)
    act(made)
    expect(made.idle()).toEqual([])
  })

  it('sleeps on when only its workers are scaled or restarted', () => {
    const { sleep, all, idle } = make()
    sleep.on(shop, user, 1)
    sleep.lay('a1', 2)
    all.scale(shop, user, [{ type: 'worker', quantity: 2 }])
    all.restart(shop, user, { type: 'worker' })
    expect(idle()).toEqual(['web.1'])
  })

  it('is woken by a visit, once, and by one that came while the controller was dead', async () => {
    const { sleep, watch, visit, idle, lines } = make()
    sleep.on(shop, user, 1)
    sleep.lay('a1', 2)
    const end = new AbortController()
    const running = watch.run(end.signal)
    visit('a1')
    await until(() => idle().length === 0, 5_000, 'it is awake')
    visit('a1')
    visit('nobody')
    end.abort()
    await running
    expect(lines.filter((line) => line.includes('Unidling'))).toEqual(['web.1: Unidling: somebody visits'])
  })
})

it.each([0, -1, 0.5, Number.NaN, 1e9, '60', {}, true])('refuses to sleep after %j', (after) =>
  expect(() => make().sleep.on(shop, user, after)).toThrow('after should be a number of seconds from 1 to 2592000'),
)
it('cannot be turned off twice', () => expect(() => make().sleep.off(shop, user)).toThrow('shop does not sleep'))
