import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import type { Release } from '../releases/release.ts'
import type { StoredRun } from '../runs/store.ts'
import type { Dyno } from './formation.ts'
import type { Seen } from './haves.ts'
import type { Refusal } from './effects.ts'
import { dynoName, exitText, nextRestart, type Slot } from './plan.ts'

type Deps = {
  clock: Clock
  observe: (appId: string) => Promise<Seen[]>
  runs: (appId: string) => StoredRun[]
  findRelease: (appId: string, version: number) => Release | undefined
  current: (appId: string) => Release | undefined
  slots: (release: Release) => Slot[]
  refusal: (appId: string, version: number, slot: Slot) => Refusal | undefined
  asleepSince: (appId: string, version: number) => Date | undefined
}

const STATES = { unstarted: 'starting', starting: 'starting', up: 'up', dead: 'crashed' } as const

/** `dozen ps`: what runs now and, for what does not, why. */
export function dynoReports({ clock, observe, runs, findRelease, current, slots, refusal, asleepSince }: Deps) {
  const releaseRef = (app: App, version: number) => ({ id: findRelease(app.id, version)?.id ?? app.id, version })

  function ofContainer(app: App, have: Seen): Dyno {
    const since = have.container.exit?.at ?? have.container.startedAt ?? have.container.createdAt
    return {
      id: uuidOf(have.id),
      name: dynoName(have),
      type: have.type,
      command: findRelease(app.id, have.version)?.source?.processTypes[have.type] || "the image's own command",
      state: STATES[have.state],
      release: releaseRef(app, have.version),
      reason: have.state === 'dead' ? crashText(have) : null,
      createdAt: have.container.createdAt,
      updatedAt: since,
    }
  }

  function crashText(have: Seen): string {
    const { at, crashes } = nextRestart(have)
    const seconds = Math.max(0, Math.ceil((at - clock.now().getTime()) / 1000))
    return `${exitText(have)}, ${crashes} ${crashes === 1 ? 'crash' : 'crashes in a row'}, restarts in ${seconds} s`
  }

  const ofRun = (app: App, run: StoredRun): Dyno => ({
    ...run,
    type: 'run',
    state: run.state === 'up' ? 'up' : 'starting',
    release: releaseRef(app, run.version),
    reason: null,
  })

  /** What should run and has no container: asleep, about to start, or refused by the engine. */
  function missing(app: App, haves: Seen[]): Dyno[] {
    const release = current(app.id)
    if (!release?.source) return []
    const absent = slots(release).filter((slot) => !slot.stopped && !haves.some((have) => dynoName(have) === dynoName(slot)))
    return absent.map((slot) => {
      const refused = refusal(app.id, release.version, slot)
      const since = (slot.idle && asleepSince(app.id, release.version)) || release.updatedAt
      return {
        id: `${app.id}-${dynoName(slot)}`,
        name: dynoName(slot),
        type: slot.type,
        command: release.source!.processTypes[slot.type] || "the image's own command",
        state: slot.idle ? 'idle' : refused ? 'crashed' : 'starting',
        release: { id: release.id, version: release.version },
        reason: slot.idle ? 'asleep until the next visit' : refused ? `could not be started: ${refused.message}` : null,
        createdAt: since,
        updatedAt: since,
      }
    })
  }

  return {
    /** By type, then number; of two in one place (during a switch) both are shown. */
    async list(app: App): Promise<Dyno[]> {
      const haves = await observe(app.id)
      const all = [
        ...haves.map((have) => ofContainer(app, have)),
        ...missing(app, haves),
        ...runs(app.id).map((run) => ofRun(app, run)),
      ]
      return all.toSorted(
        (a, b) => a.type.localeCompare(b.type) || ordinalOf(a) - ordinalOf(b) || a.release.version - b.release.version,
      )
    },
  }
}

const ordinalOf = (dyno: Dyno) => Number(dyno.name.split('.').at(-1))
/** A container's id in the form of the API's ids. */
const uuidOf = (id: string) => id.slice(0, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
