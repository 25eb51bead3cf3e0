import type { SwitchCost } from '../api/wire.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { EngineError, type Engine } from '../engine/port.ts'
import { failpoint } from '../failpoint.ts'
import type { Release } from '../releases/release.ts'
import type { Dynos } from './dynos.ts'
import type { Seen } from './haves.ts'
import type { Narrator } from './narrator.ts'
import { dynoName, type Slot } from './plan.ts'

const RETRY_MS = 2_000
const MAX_RETRY_MS = 30_000
/** Of what is known about starts that failed. */
const REFUSALS_KEPT = 1_000
/** No look takes longer; what is still there then was not removed, whatever the engine said. */
const GONE_MS = 10_000
/** At a time: more make each other late, up to the boot timeout of them all. What has to wait is asked for again by a later pass. */
const MAX_STARTS = 10

type Deps = {
  engine: Pick<Engine, 'stop' | 'kill' | 'remove' | 'find'>
  clock: Clock
  dynos: Dynos
  narrator: Narrator
  /** Resolves with how many requests are in flight there still. */
  drained: (address: string, timeoutMs: number) => Promise<number>
  /** Resolves when an exited container's log has been read to its end. */
  finished: (id: string) => Promise<void>
  limits: { stopTimeoutMs: (appId: string) => number; drainTimeoutMs: number }
  wake: () => void
  onError: (what: string, cause: unknown) => void
}
/** A start that failed: why, how often in a row, and when it is tried again (epoch milliseconds). */
export type Refusal = { readonly message: string; readonly times: number; readonly at: number }
type Start = { app: App; release: Release; slot: Slot; crashes: number; onRefused: (message: string) => void }

/** What a pass sets going: each effect runs on its own, at most once at a time per process, and asks for another look when it is through. */
export function effects(deps: Deps) {
  const { engine, clock, narrator, wake } = deps
  const starting = new Set<string>()
  const refusals = new Map<string, Refusal>()
  const removing = new Set<string>()
  /** Containers on their way out; true once no request is in flight there any more. */
  const retiring = new Map<string, boolean>()
  /** Per app, requests that were in flight when their process had to stop. */
  const cuts = new Map<string, number>()
  /** Removed by us, and when: a look that began before may still show them. */
  const gone = new Map<string, number>()

  const startKey = (appId: string, version: number, slot: Slot) => `${appId}/${version}/${dynoName(slot)}/${slot.generation}`

  async function startNow({ app, release, slot, crashes, onRefused }: Start) {
    const command = release.source!.processTypes[slot.type] || "the image's own command"
    const line = { appId: app.id, type: slot.type, ordinal: slot.ordinal, version: release.version } as Seen
    const key = startKey(app.id, release.version, slot)
    try {
      if (!refusals.has(key)) narrator.say(line, `Starting process with command \`${command}\``)
      await deps.dynos.start(app, release, slot, crashes)
      refusals.delete(key)
    } catch (cause) {
      const message = refusalText(cause, release)
      if (refuse(key, cause, message)) narrator.say(line, `Error starting the process: ${message}`)
      if (!isUnreachable(cause)) onRefused(`${dynoName(slot)} could not be started: ${message}`)
    }
  }

  /** Whether that was not known yet. An engine that is away is asked again soon, one that says no less and less often. */
  function refuse(key: string, cause: unknown, message: string): boolean {
    const before = refusals.get(key)
    const times = isUnreachable(cause) ? 1 : (before?.times ?? 0) + 1
    const pause = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (times - 1))
    refusals.delete(key)
    refusals.set(key, { message, times, at: clock.now().getTime() + pause })
    if (refusals.size > REFUSALS_KEPT) refusals.delete(refusals.keys().next().value!)
    return before?.message !== message
  }

  async function drain(have: Seen, address: string) {
    const left = await deps.drained(address, deps.limits.drainTimeoutMs)
    if (left === 0) return
    cuts.set(have.appId, (cuts.get(have.appId) ?? 0) + left)
    narrator.say(have, `${left} requests are still in flight after ${deps.limits.drainTimeoutMs / 1000} seconds`)
  }

  async function retireNow(have: Seen) {
    if (have.type === 'web' && have.address) await drain(have, have.address)
    retiring.set(have.id, true)
    wake()
    narrator.say(have, 'Stopping all processes with SIGTERM')
    failpoint('retire.drained')
    const asked = clock.now().getTime()
    const stopTimeoutMs = deps.limits.stopTimeoutMs(have.appId)
    await engine.stop(have.id, stopTimeoutMs)
    failpoint('retire.stopped')
    const exit = (await engine.find(have.id))?.exit
    await deps.finished(have.id)
    const seconds = Math.round(stopTimeoutMs / 1000)
    if (exit?.code === 137 && clock.now().getTime() - asked >= stopTimeoutMs) {
      narrator.say(have, `Error R12 (Exit timeout) -> At least one process failed to exit within ${seconds} seconds of SIGTERM`)
    }
    narrator.say(have, `Process exited with status ${exit?.code ?? 'unknown'}`)
    await removeNow(have.id)
    failpoint('retire.removed')
  }

  async function removeNow(id: string) {
    const now = clock.now().getTime()
    for (const [old, at] of gone) if (now - at >= GONE_MS) gone.delete(old)
    gone.set(id, now)
    await engine.remove(id).catch((cause: unknown) => {
      gone.delete(id)
      throw cause
    })
  }

  const isGone = (id: string) => clock.now().getTime() - (gone.get(id) ?? -Infinity) < GONE_MS

  /** Runs once per id at a time; whatever fails is told and tried again by a later pass. */
  function once(set: Set<string> | Map<string, boolean>, id: string, what: string, run: () => Promise<void>) {
    if (set.has(id)) return
    if (set instanceof Map) set.set(id, false)
    else set.add(id)
    void run()
      .catch((cause: unknown) => deps.onError(what, cause))
      .finally(() => {
        set.delete(id)
        wake()
      })
  }

  return {
    /** Keys of starts under way: taken before a look, so that a container made during the look is not made twice. */
    startsUnderWay: () => new Set(starting),
    /** When the next refused start may be tried again; epoch milliseconds. */
    nextRetry: () => Math.min(Infinity, ...[...refusals.values()].map(({ at }) => at).filter((at) => at > clock.now().getTime())),
    /** Why a process that should run could not be started the last time. */
    refusal: (appId: string, version: number, slot: Slot): Refusal | undefined => refusals.get(startKey(appId, version, slot)),
    isRetiring: (id: string) => retiring.has(id) || isGone(id),
    isDrained: (id: string) => retiring.get(id) === true || isGone(id),

    /** `cost` with the connections that outlasted the drain: they are cut after it was measured. */
    withCuts<Cost extends SwitchCost>(appId: string, cost: Cost): Cost {
      const cut = cuts.get(appId) ?? 0
      cuts.delete(appId)
      return { ...cost, cut: cost.cut + cut, failed: cost.failed + cut }
    },

    start(request: Start, before: ReadonlySet<string>) {
      const key = startKey(request.app.id, request.release.version, request.slot)
      if (before.has(key) || (refusals.get(key)?.at ?? 0) > clock.now().getTime()) return
      if (starting.size >= MAX_STARTS) return
      once(starting, key, `starting ${key}`, () => startNow(request))
    },
    /** Whether an unstarted container may just be on its way up. */
    isStarting: (have: Seen, before: ReadonlySet<string>) => {
      const key = startKey(have.appId, have.version, { ...have, stopped: false })
      return before.has(key) || starting.has(key)
    },
    retire: (have: Seen) => once(retiring, have.id, `stopping ${dynoName(have)}`, () => retireNow(have)),
    remove: (have: Seen) =>
      once(removing, have.id, `removing ${dynoName(have)}`, async () => {
        await deps.finished(have.id)
        await removeNow(have.id)
      }),
    kill: (have: Seen, why: string) =>
      once(removing, have.id, `killing ${dynoName(have)}`, async () => {
        narrator.say(have, why)
        narrator.say(have, 'Stopping process with SIGKILL')
        await engine.kill(have.id, 'SIGKILL')
      }),
  }
}
const isUnreachable = (cause: unknown) => cause instanceof EngineError && cause.code === 'unreachable'

function refusalText(cause: unknown, { version }: Release): string {
  if (cause instanceof EngineError && cause.code === 'no_such_image')
    return `the image of v${version} is gone from the engine; push its commit again, or roll back to a release that has its image`
  return cause instanceof Error ? cause.message : String(cause)
}

export type Effects = ReturnType<typeof effects>
