import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { backoffMs } from './backoff.ts'
import { plan, type Action, type Have, type Revision, type Slot, type Wants } from './plan.ts'

const slot = (over: Partial<Slot> = {}): Slot => ({ type: 'web', ordinal: 1, generation: 0, stopped: false, ...over })
const rev = (version: number, slots: Slot[] = [slot()]): Revision => ({ version, slots })
let next = 0
const have = (over: Partial<Have> = {}): Have => ({
  id: `c${++next}`, type: 'web', ordinal: 1, version: 1, generation: 0, crashes: 0, state: 'up', startedAt: 0, deadline: 60_000, retiring: false, ...over,
}) // prettier-ignore
const dead = (over: Partial<Have> = {}) => have({ state: 'dead', exit: { code: 1, at: 1000, oomKilled: false }, ...over })
const verbs = (actions: Action[]) => actions.map((action) => action.do)

describe('keeping a release', () => {
  it('does nothing when the engine already matches', () => expect(plan({ serving: rev(1) }, [have()], 0)).toEqual([]))
  it('starts what is missing', () => expect(verbs(plan({ serving: rev(1) }, [], 0))).toEqual(['start']))
  it('retires what is no longer wanted', () => expect(verbs(plan({ serving: rev(1, []) }, [have()], 0))).toEqual(['retire']))
  it('does not retire twice', () => expect(plan({ serving: rev(1, []) }, [have({ retiring: true })], 0)).toEqual([]))
  it('retires the second of two in one slot', () =>
    expect(plan({ serving: rev(1) }, [have({ id: 'a' }), have({ id: 'b' })], 0)).toMatchObject([
      { do: 'retire', have: { id: 'b' } },
    ]))
  it('restarts a first crash at once and counts it', () =>
    expect(plan({ serving: rev(1) }, [dead()], 1000)).toMatchObject([{ do: 'remove' }, { do: 'start', crashes: 1 }]))
  it('waits out the back-off of a crash in a row', () => {
    const crashed = dead({ crashes: 2 })
    expect(plan({ serving: rev(1) }, [crashed], 2999)).toMatchObject([{ do: 'wait', until: 3000 }])
    expect(plan({ serving: rev(1) }, [crashed], 3000)).toMatchObject([{ do: 'remove' }, { do: 'start', crashes: 3 }])
  })
  it('forgets crashes after five steady minutes', () => {
    const steady = dead({ crashes: 6, exit: { code: 1, at: 300_000, oomKilled: false } })
    expect(plan({ serving: rev(1) }, [steady], 300_000)).toMatchObject([{ do: 'remove' }, { do: 'start', crashes: 1 }])
  })
  it('kills a process that its health check calls sick, and says why', () =>
    expect(
      plan({ serving: rev(1) }, [have({ complaint: 'the health check failed 3 times in a row: GET / answered 500' })], 0),
    ).toMatchObject([{ do: 'kill', why: 'The health check failed 3 times in a row: GET / answered 500' }]))
  it('says what the health check got when a new process did not come up in time', () => {
    const late = have({ version: 2, state: 'starting', complaint: 'GET /health answered 503' })
    expect(plan({ serving: rev(1), candidate: rev(2) }, [have(), late], 60_000)).toMatchObject([
      { do: 'fail', why: expect.stringMatching(/^web.1 Error R10 .*launch \(GET \/health answered 503\)$/) as string },
    ])
  })
  it('kills a web process that does not bind its port in time, with the code users know', () => {
    const late = have({ state: 'starting', startedAt: 0, deadline: 60_000 })
    expect(plan({ serving: rev(1) }, [late], 59_999)).toMatchObject([{ do: 'wait', until: 60_000 }])
    const [action] = plan({ serving: rev(1) }, [late], 60_000)
    expect(action).toMatchObject({
      do: 'kill',
      why: 'Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch',
    })
  })
  it('retires what sleeps, and starts it again when it is awake', () => {
    const asleep = rev(1, [slot({ idle: true }), slot({ type: 'worker' })])
    const haves = [have(), have({ type: 'worker' })]
    expect(plan({ serving: asleep }, haves, 0)).toMatchObject([{ do: 'retire', have: { type: 'web' } }])
    expect(verbs(plan({ serving: asleep }, [haves[1]!], 0))).toEqual([])
    expect(plan({ serving: rev(1, [slot(), slot({ type: 'worker' })]) }, [haves[1]!], 0)).toMatchObject([
      { do: 'start', crashes: 0 },
    ])
  })
  it('leaves a stopped slot empty', () =>
    expect(verbs(plan({ serving: rev(1, [slot({ stopped: true })]) }, [have()], 0))).toEqual(['retire']))
  it('removes a container that was made but never started', () =>
    expect(verbs(plan({ serving: rev(1) }, [have({ state: 'unstarted' })], 0))).toEqual(['remove', 'start']))
})

describe('restarting', () => {
  const wants: Wants = { serving: rev(1, [slot({ generation: 1 })]) }
  it('keeps the old process until the new one is up', () => {
    const old = have({ id: 'old' })
    expect(verbs(plan(wants, [old], 0))).toEqual(['start'])
    expect(verbs(plan(wants, [old, have({ generation: 1, state: 'starting' })], 0))).toEqual(['wait'])
    expect(plan(wants, [old, have({ generation: 1 })], 0)).toMatchObject([{ do: 'retire', have: { id: 'old' } }])
  })
})

describe('switching to a new release', () => {
  const web = slot()
  const worker = slot({ type: 'worker' })
  const wants: Wants = { serving: rev(1, [web, worker]), candidate: rev(2, [web, worker]) }
  const old = [have({ id: 'w1' }), have({ id: 'k1', type: 'worker' })]

  it('starts every process of the new one at once', () =>
    expect(plan(wants, old, 0)).toMatchObject([
      { do: 'start', version: 2 },
      { do: 'start', version: 2, slot: { type: 'worker' } },
    ]))
  it('does not touch the old one while one of the new is unproven', () => {
    const actions = plan(
      wants,
      [...old, have({ version: 2 }), have({ version: 2, type: 'worker', state: 'starting', deadline: 3000 })],
      0,
    )
    expect(actions).toMatchObject([{ do: 'wait', until: 3000 }])
  })
  it('promotes when all are proven, and still retires nothing itself', () =>
    expect(verbs(plan(wants, [...old, have({ version: 2 }), have({ version: 2, type: 'worker' })], 0))).toEqual(['promote']))
  it('retires the old one once the ledger says that the new one serves', () =>
    expect(plan({ serving: rev(2, [web]) }, [old[0]!, have({ version: 2 })], 0)).toMatchObject([
      { do: 'retire', have: { id: 'w1' } },
    ]))
  it('fails when one process of the new exits, and says which and how', () =>
    expect(plan(wants, [...old, have({ version: 2 }), dead({ version: 2, type: 'worker' })], 2000)).toMatchObject([
      { do: 'fail', version: 2, why: 'worker.1 exited with status 1' },
    ]))
  it('fails when the new web process never binds', () =>
    expect(verbs(plan(wants, [...old, have({ version: 2, state: 'starting', deadline: 5 })], 5))).toEqual(['fail']))
  it('removes what a failed release leaves', () =>
    expect(
      verbs(plan({ serving: rev(1, [web, worker]) }, [...old, dead({ version: 2 }), have({ version: 2, type: 'worker' })], 0)),
    ).toEqual(['remove', 'retire']))
  it('promotes a release with nothing to run', () => expect(verbs(plan({ candidate: rev(2, []) }, [], 0))).toEqual(['promote']))
  it('keeps healing the old one meanwhile', () =>
    expect(
      plan(wants, [old[1]!, have({ version: 2, state: 'starting' }), have({ version: 2, type: 'worker' })], 0),
    ).toMatchObject([{ do: 'start', version: 1, slot: { type: 'web' } }, { do: 'wait' }]))
})

describe('watching a release after its switch', () => {
  const two = [slot(), slot({ ordinal: 2 })]
  const wants: Wants = { serving: { ...rev(2, two), watch: { until: 30_000, revertTo: 1 } } }
  it('goes back when more than half of a type crashed', () => {
    const actions = plan(wants, [dead({ version: 2, crashes: 1 }), have({ version: 2, ordinal: 2, crashes: 1 })], 1000)
    expect(actions).toContainEqual({ do: 'revert', version: 2, to: 1, why: '2 of 2 web crashed within the watch window' })
  })
  it('stays when half of it crashed', () =>
    expect(verbs(plan(wants, [have({ version: 2, crashes: 1 }), have({ version: 2, ordinal: 2 })], 1000))).toEqual(['wait']))
  it('stays when the window is over', () =>
    expect(verbs(plan(wants, [have({ version: 2, crashes: 1 }), have({ version: 2, ordinal: 2, crashes: 1 })], 30_000))).toEqual(
      [],
    ))
})

describe('whatever the state', () => {
  const anyHave = fc.record({
    id: fc.uuid(), type: fc.constantFrom('web', 'worker'), ordinal: fc.integer({ min: 1, max: 3 }), version: fc.integer({ min: 1, max: 3 }),
    generation: fc.integer({ min: 0, max: 1 }), crashes: fc.integer({ min: 0, max: 5 }), startedAt: fc.constant(0), deadline: fc.integer({ min: 0, max: 9 }),
    state: fc.constantFrom('unstarted' as const, 'starting' as const, 'up' as const, 'dead' as const), retiring: fc.boolean(),
  }) // prettier-ignore
  const slots = [slot(), slot({ ordinal: 2 }), slot({ type: 'worker' })]
  const haves = fc.array(anyHave, { maxLength: 12 })

  it('never retires or kills a live process of the serving release while a candidate is unproven, unless its slot is filled twice or restarted', () =>
    fc.assert(
      fc.property(haves, (all) => {
        const actions = plan({ serving: rev(1, slots), candidate: rev(2, slots) }, all, 5)
        for (const action of actions) {
          if (action.do !== 'retire' || action.have.version !== 1) continue
          const others = all.filter(
            (h) =>
              h.version === 1 &&
              !h.retiring &&
              h.id !== action.have.id &&
              h.type === action.have.type &&
              h.ordinal === action.have.ordinal,
          )
          const isWanted = slots.some((s) => s.type === action.have.type && s.ordinal === action.have.ordinal)
          expect(!isWanted || others.some((h) => h.state === 'up' || h.state === 'starting')).toBe(true)
        }
      }),
    ))
  it('promotes only when every wanted process is up', () =>
    fc.assert(
      fc.property(haves, (all) => {
        const actions = plan({ candidate: rev(2, slots) }, all, 5)
        if (!verbs(actions).includes('promote')) return
        for (const s of slots) {
          expect(
            all.some((h) => h.version === 2 && !h.retiring && h.type === s.type && h.ordinal === s.ordinal && h.state === 'up'),
          ).toBe(true)
        }
      }),
    ))
})

it.each([[0, 0], [1, 1000], [2, 2000], [3, 4000], [7, 60_000], [99, 60_000]])('backs off %i crashes for %i ms', (n, ms) =>
  expect(backoffMs(n)).toBe(ms)) // prettier-ignore

describe('a switch in batches', () => {
  const slots = (count: number, type = 'web') => Array.from({ length: count }, (_, n) => slot({ type, ordinal: n + 1 }))
  /** Plays an engine: what starts is up at the next look, unless `breaks` says that it dies. Returns what ran at each look. */
  function play(wants: Wants, { breaks = () => false }: { breaks?: (have: Have) => boolean } = {}) {
    let haves = wants.serving!.slots.map((one) => have({ type: one.type, ordinal: one.ordinal }))
    let now = wants
    const looks: { alive: number; web: number }[] = []
    for (let look = 0; look < 100; look++) {
      const actions = plan(now, haves, 0)
      const gone = new Set(
        actions.flatMap((action) => (action.do === 'retire' || action.do === 'remove' ? [action.have.id] : [])),
      )
      const started = actions.flatMap((action) =>
        action.do === 'start'
          ? [have({ type: action.slot.type, ordinal: action.slot.ordinal, version: action.version, state: 'starting' })]
          : [],
      )
      looks.push({
        alive: haves.filter(({ state }) => state !== 'dead').length + started.length,
        web: haves.filter(({ id, state, type }) => type === 'web' && state === 'up' && !gone.has(id)).length,
      })
      haves = haves
        .filter(({ id }) => !gone.has(id))
        .map((one) => (one.state !== 'starting' ? one : breaks(one) ? { ...one, ...dead(), id: one.id, type: one.type, ordinal: one.ordinal, version: one.version } : { ...one, state: 'up' as const })) // prettier-ignore
      haves.push(...started)
      const verb = actions.find(({ do: what }) => what === 'promote' || what === 'fail')?.do
      if (verb === 'promote') now = { serving: now.candidate!, batch: now.batch! }
      if (verb === 'fail') now = { serving: now.serving!, batch: now.batch! }
      if (actions.length === 0) break
    }
    return { looks, haves }
  }
  const both = (web: number, worker: number) => [...slots(web), ...slots(worker, 'worker')]

  it.each([
    [8, 0, 2],
    [2, 10, 3],
    [1, 5, 1],
    [3, 0, 1],
  ])('of %d web and %d worker runs at most %d more, and web all the time', (web, worker, batch) => {
    const { looks, haves } = play({ serving: rev(1, both(web, worker)), candidate: rev(2, both(web, worker)), batch })
    expect(Math.max(...looks.map(({ alive }) => alive))).toBeLessThanOrEqual(web + worker + batch)
    expect(Math.min(...looks.map((look) => look.web))).toBeGreaterThanOrEqual(1)
    expect(haves.every(({ version, state }) => version === 2 && state === 'up')).toBe(true)
    expect(haves).toHaveLength(web + worker)
  })

  it.each(['web', 'worker'])('that fails at its last %s goes back to the old processes, all of them', (type) => {
    const wants = { serving: rev(1, both(3, 3)), candidate: rev(2, both(3, 3)), batch: 2 }
    const { looks, haves } = play(wants, { breaks: (one) => one.version === 2 && one.type === type && one.ordinal === 3 })
    expect(Math.max(...looks.map(({ alive }) => alive))).toBeLessThanOrEqual(8)
    expect(Math.min(...looks.map((look) => look.web))).toBeGreaterThanOrEqual(1)
    expect(haves.map(({ version, state }) => `v${version} ${state}`)).toEqual(Array(6).fill('v1 up'))
  })

  it('restarts in batches too', () => {
    const restarted = slots(6).map((one) => ({ ...one, generation: 1 }))
    const actions = plan({ serving: rev(1, restarted), batch: 2 }, slots(6).map(({ ordinal }) => have({ ordinal })), 0) // prettier-ignore
    expect(verbs(actions)).toEqual(['start', 'start'])
  })

  it('is none where the formation is no larger than the batch', () => {
    const actions = plan({ serving: rev(1, slots(2)), candidate: rev(2, slots(2)), batch: 2 }, slots(2).map(({ ordinal }) => have({ ordinal })), 0) // prettier-ignore
    expect(verbs(actions)).toEqual(['start', 'start'])
  })
})
