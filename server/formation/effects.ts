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
const GONE_KEPT = 1_000

type Deps = {
  engine: Pick<Engine, 'stop' | 'kill' | 'remove' | 'find'>
  clock: Clock
  dynos: Dynos
  narrator: Narrator
  drained: (address: string, timeoutMs: number) => Promise<boolean>
  /** Resolves when an exited container's log has been read to its end. */
  finished: (id: string) => Promise<void>
  limits: { stopTimeoutMs: number; drainTimeoutMs: number }
  wake: () => void
  onError: (what: string, cause: unknown) => void
}
type Start = { app: App; release: Release; slot: Slot; crashes: number; onRefused: (message: string) => void }

/** What a pass sets going: each effect runs on its own, at most once at a time per process, and asks for another look when it is through. */
export function effects(deps: Deps) {
  const { engine, clock, narrator, wake } = deps
  const starting = new Set<string>()
  const retryAt = new Map<string, number>()
  const removing = new Set<string>()
  /** Containers on their way out; true once no request is in flight there any more. */
  const retiring = new Map<string, boolean>()
  /** Removed by us: a look that began before may still show them. */
  const gone = new Set<string>()

  const startKey = (appId: string, version: number, slot: Slot) => `${appId}/${version}/${dynoName(slot)}/${slot.generation}`

  async function startNow({ app, release, slot, crashes, onRefused }: Start) {
    const command = release.source!.processTypes[slot.type] || "the image's own command"
    const line = { appId: app.id, type: slot.type, ordinal: slot.ordinal, version: release.version } as Seen
    try {
      narrator.say(line, `Starting process with command \`${command}\``)
      await deps.dynos.start(app, release, slot, crashes)
    } catch (cause) {
      retryAt.set(startKey(app.id, release.version, slot), clock.now().getTime() + RETRY_MS)
      const message = cause instanceof Error ? cause.message : String(cause)
      narrator.say(line, `Error starting the process: ${message}`)
      if (!(cause instanceof EngineError && cause.code === 'unreachable'))
        onRefused(`${dynoName(slot)} could not be started: ${message}`)
    }
  }

  async function retireNow(have: Seen) {
    if (have.type === 'web' && have.address) await deps.drained(have.address, deps.limits.drainTimeoutMs)
    retiring.set(have.id, true)
    wake()
    narrator.say(have, 'Stopping all processes with SIGTERM')
    failpoint('retire.drained')
    const asked = clock.now().getTime()
    await engine.stop(have.id, deps.limits.stopTimeoutMs)
    failpoint('retire.stopped')
    const exit = (await engine.find(have.id))?.exit
    await deps.finished(have.id)
    const seconds = Math.round(deps.limits.stopTimeoutMs / 1000)
    if (exit?.code === 137 && clock.now().getTime() - asked >= deps.limits.stopTimeoutMs) {
      narrator.say(have, `Error R12 (Exit timeout) -> At least one process failed to exit within ${seconds} seconds of SIGTERM`)
    }
    narrator.say(have, `Process exited with status ${exit?.code ?? 'unknown'}`)
    await removeNow(have.id)
    failpoint('retire.removed')
  }

  async function removeNow(id: string) {
    gone.add(id)
    if (gone.size > GONE_KEPT) gone.delete(gone.values().next().value!)
    await engine.remove(id).catch((cause: unknown) => {
      gone.delete(id)
      throw cause
    })
  }

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
    nextRetry: () => Math.min(Infinity, ...[...retryAt.values()].filter((at) => at > clock.now().getTime())),
    isRetiring: (id: string) => retiring.has(id) || gone.has(id),
    isDrained: (id: string) => retiring.get(id) === true || gone.has(id),

    start(request: Start, before: ReadonlySet<string>) {
      const key = startKey(request.app.id, request.release.version, request.slot)
      if (before.has(key) || (retryAt.get(key) ?? 0) > clock.now().getTime()) return
      retryAt.delete(key)
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
export type Effects = ReturnType<typeof effects>
