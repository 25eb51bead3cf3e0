import { backoffMs, STEADY_MS } from './backoff.ts'

/** One place in the formation. `generation` rises with `ps:restart`; a stopped one (`ps:stop`) is not wanted for now. */
export type Slot = {
  readonly type: string
  readonly ordinal: number
  readonly generation: number
  readonly stopped: boolean
  /** Its app sleeps: not wanted until somebody visits. */
  readonly idle?: boolean
}

/** What a release wants to have running. Times are epoch milliseconds. */
export type Revision = {
  readonly version: number
  readonly slots: readonly Slot[]
}

/** What one app should look like. `candidate` is the pending release that is to take over, its release phase done. */
export type Wants = {
  readonly serving?: Revision & {
    /** Set while the release is watched after its switch: what to go back to, and until when. */
    readonly watch?: { readonly until: number; readonly revertTo: number }
  }
  readonly candidate?: Revision
  /** So many processes more than the formation may run during a switch or a restart; absent = twice the formation. */
  readonly batch?: number
}

/** A container of the app's formation, as the engine and our probes see it. */
export type Have = {
  readonly id: string
  readonly type: string
  readonly ordinal: number
  readonly version: number
  readonly generation: number
  /** Crashes in a row before this container. */
  readonly crashes: number
  /** unstarted = a start was cut short; starting = not proven yet; up = proven; dead = exited. */
  readonly state: 'unstarted' | 'starting' | 'up' | 'dead'
  readonly startedAt: number
  /** When a starting one counts as proven by its age (types other than web), or has failed to boot (web). */
  readonly deadline: number
  readonly exit?: { readonly code: number; readonly at: number; readonly oomKilled: boolean }
  /** What its health check says against it: of an `up` one, that it is sick; of a `starting` one, why it is not up yet. */
  readonly complaint?: string
  /** It is being drained and stopped already. */
  readonly retiring: boolean
}

export type Action =
  | { do: 'start'; version: number; slot: Slot; crashes: number; why: string }
  | { do: 'kill'; have: Have; why: string }
  | { do: 'remove'; have: Have; why: string }
  | { do: 'retire'; have: Have; why: string }
  | { do: 'promote'; version: number; why: string }
  | { do: 'fail'; version: number; have: Have; why: string }
  | { do: 'revert'; version: number; to: number; why: string }
  | { do: 'wait'; until: number; why: string }

export const dynoName = ({ type, ordinal }: { type: string; ordinal: number }) => `${type}.${ordinal}`

/**
 * What to do next so that the engine comes to match `wants`. Pure; asked again after the actions ran, it returns [] once the two agree.
 *
 * New before old, over the whole release: no process of the serving release is retired before every process of the candidate is proven
 * (`promote`), and if one of those fails (`fail`) nothing of the serving release has been touched. A restart does the same slot by slot.
 * With a `batch` smaller than the formation it is new before old slot by slot here too, and after a failure the old ones are started again.
 */
export function plan(wants: Wants, haves: readonly Have[], now: number): Action[] {
  const { candidate } = wants
  const mine = (revision: Revision | undefined) => haves.filter((have) => have.version === revision?.version && !have.retiring)
  const serving = isRolling(wants) ? withoutReplaced(wants.serving!, mine(candidate)) : wants.serving
  return within(roomOf(wants, haves), [
    ...(serving ? keep(serving, mine(serving), now) : []),
    ...(serving?.watch ? watch(serving, mine(serving), now) : []),
    ...(candidate ? prove(candidate, mine(candidate), now) : []),
    ...leftovers({ ...(serving && { serving }), ...(candidate && { candidate }) }, haves),
  ])
}

const sizeOf = ({ serving, candidate }: Wants) =>
  Math.max(...[serving, candidate].map((revision) => (revision ? wantedSlots(revision).length : 0)))

/** Whether processes of both releases serve side by side until the switch is through. */
export const isRolling = (wants: Wants) =>
  wants.serving !== undefined && wants.candidate !== undefined && wants.batch !== undefined && sizeOf(wants) > wants.batch

/** The serving release without the places that a proven process of the candidate has taken. */
const withoutReplaced = <R extends Revision>(serving: R, candidates: Have[]): R => ({
  ...serving,
  slots: serving.slots.filter((slot) => !candidates.some((have) => isIn(slot, have) && have.state === 'up')),
})

/** How many processes may be started now. */
function roomOf(wants: Wants, haves: readonly Have[]): number {
  if (wants.batch === undefined || sizeOf(wants) <= wants.batch) return Infinity
  return sizeOf(wants) + wants.batch - haves.filter((have) => have.state !== 'dead').length
}

/** Of the starts as many as there is room for, web last: as long as one fails before, all of the old web processes serve. */
function within(room: number, actions: Action[]): Action[] {
  if (room === Infinity) return actions
  const isWeb = (action: Action) => Number(action.do === 'start' && action.slot.type === 'web')
  const starts = actions.filter((action) => action.do === 'start').toSorted((a, b) => isWeb(a) - isWeb(b))
  return [...actions.filter((action) => action.do !== 'start'), ...starts.slice(0, Math.max(0, room))]
}

/** Keeps a serving release's slots filled, restarting what crashed after its back-off. */
function keep(serving: Revision, haves: Have[], now: number): Action[] {
  return wantedSlots(serving).flatMap((slot) => {
    const exact = haves.filter((have) => isExact(slot, have))
    const older = haves.filter((have) => isIn(slot, have) && !isExact(slot, have))
    const [alive, ...doubles] = exact.filter((have) => have.state === 'starting' || have.state === 'up')
    const dead = exact.filter((have) => have.state === 'dead' || have.state === 'unstarted')
    if (!alive) return [...older.filter(isDead).map((have) => remove(have)), ...restart(serving.version, slot, dead, now)]
    return [
      ...booting(alive, now).map((action): Action =>
        action.do === 'late' ? { do: 'kill', have: alive, why: action.why } : action,
      ),
      ...(alive.state === 'up' && alive.complaint !== undefined
        ? [{ do: 'kill' as const, have: alive, why: sentence(alive.complaint) }]
        : []),
      ...doubles.map((have): Action => ({ do: 'retire', have, why: `${dynoName(slot)} runs twice` })),
      ...dead.map((have) => remove(have)),
      ...older
        .filter((have) => isDead(have) || alive.state === 'up')
        .map((have) => outgoing(have, `${dynoName(slot)} was restarted`)),
    ]
  })
}

/** Starts all slots of a candidate at once; the first that fails fails the release, and when all are up it takes over. */
function prove(candidate: Revision, haves: Have[], now: number): Action[] {
  const name = `v${candidate.version}`
  const slots = wantedSlots(candidate)
  const found = slots.map((slot) => ({ slot, have: haves.find((have) => isIn(slot, have)) }))
  for (const { slot, have } of found) {
    const failure = have && failureOf(have, now)
    if (failure) return [{ do: 'fail', version: candidate.version, have, why: `${dynoName(slot)} ${failure}` }]
  }
  if (found.every(({ have }) => have?.state === 'up')) {
    return [{ do: 'promote', version: candidate.version, why: `all ${found.length} processes of ${name} are up` }]
  }
  return found.flatMap(({ slot, have }): Action[] => {
    if (!have) return [{ do: 'start', version: candidate.version, slot, crashes: 0, why: `${name} takes over` }]
    if (have.state === 'unstarted') return [remove(have)]
    return have.state === 'starting'
      ? [{ do: 'wait', until: have.deadline, why: `${dynoName(slot)} of ${name} proves itself` }]
      : []
  })
}

/** More than half of a type's processes down within the window after the switch: the release goes back by itself. */
function watch(serving: NonNullable<Wants['serving']>, haves: Have[], now: number): Action[] {
  const { until, revertTo } = serving.watch!
  if (now >= until) return []
  for (const type of new Set(wantedSlots(serving).map((slot) => slot.type))) {
    const slots = wantedSlots(serving).filter((slot) => slot.type === type)
    const crashed = slots.filter((slot) => haves.some((have) => isExact(slot, have) && (have.crashes > 0 || isDead(have))))
    if (crashed.length * 2 > slots.length) {
      const why = `${crashed.length} of ${slots.length} ${type} crashed within the watch window`
      return [{ do: 'revert', version: serving.version, to: revertTo, why }]
    }
  }
  return [{ do: 'wait', until, why: 'watching the new release' }]
}

/** What belongs to no wanted slot of a wanted release goes: drained when it runs, removed when it does not. */
function leftovers({ serving, candidate }: Wants, haves: readonly Have[]): Action[] {
  const wanted = (have: Have) =>
    [serving, candidate].some(
      (revision) => revision?.version === have.version && wantedSlots(revision).some((slot) => isIn(slot, have)),
    )
  return haves.filter((have) => !have.retiring && !wanted(have)).map((have) => outgoing(have, 'it is no longer wanted'))
}

function restart(version: number, slot: Slot, dead: Have[], now: number): Action[] {
  const last = dead.toSorted((a, b) => b.startedAt - a.startedAt)[0]
  const name = dynoName(slot)
  if (!last || last.state === 'unstarted') {
    return [
      ...dead.map((have) => remove(have)),
      { do: 'start', version, slot, crashes: last?.crashes ?? 0, why: `${name} of v${version} is not running` },
    ]
  }
  const { crashes, at } = nextRestart(last)
  if (now < at) return [{ do: 'wait', until: at, why: `${name} crashed, ${crashes} in a row` }]
  return [...dead.map((have) => remove(have)), { do: 'start', version, slot, crashes, why: `restart ${crashes} of ${name}` }]
}

/** When a crashed process is started again, and how many crashes in a row that makes. */
export function nextRestart(have: Have): { at: number; crashes: number } {
  const exitAt = have.exit?.at ?? 0
  const before = exitAt - have.startedAt >= STEADY_MS ? 0 : have.crashes
  return { at: exitAt + backoffMs(before), crashes: before + 1 }
}

const BOOT = (seconds: number) =>
  `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${seconds} seconds of launch`

function booting(have: Have, now: number): ({ do: 'late'; why: string } | { do: 'wait'; until: number; why: string })[] {
  if (have.state !== 'starting') return []
  if (isLate(have, now)) return [{ do: 'late', why: bootFailure(have) }]
  return [{ do: 'wait', until: have.deadline, why: `${dynoName(have)} is starting` }]
}

function failureOf(have: Have, now: number): string | undefined {
  if (have.state === 'dead') return exitText(have)
  return have.state === 'starting' && isLate(have, now) ? bootFailure(have) : undefined
}

export const exitText = ({ exit }: Pick<Have, 'exit'>) =>
  exit?.oomKilled ? 'ran out of memory and was killed' : `exited with status ${exit?.code ?? 'unknown'}`

const isLate = (have: Have, now: number) => have.type === 'web' && now >= have.deadline
const bootFailure = (have: Have) =>
  BOOT(Math.round((have.deadline - have.startedAt) / 1000)) + (have.complaint === undefined ? '' : ` (${have.complaint})`)
const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
const wantedSlots = (revision: Revision) => revision.slots.filter((slot) => !slot.stopped && !slot.idle)
const isIn = (slot: Slot, have: Have) => have.type === slot.type && have.ordinal === slot.ordinal
const isExact = (slot: Slot, have: Have) => isIn(slot, have) && have.generation === slot.generation
const isDead = (have: Have) => have.state === 'dead' || have.state === 'unstarted'
const remove = (have: Have): Action => ({ do: 'remove', have, why: have.exit ? `it ${exitText(have)}` : 'it never started' })
const outgoing = (have: Have, why: string): Action => (isDead(have) ? remove(have) : { do: 'retire', have, why })
