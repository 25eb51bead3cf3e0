import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { invalid, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Release } from '../releases/release.ts'
import type { FormationEntry } from './formation.ts'
import type { Slot } from './plan.ts'
import { formationStore, type Restart } from './store.ts'

export const MAX_QUANTITY = 100
/** A type of its own: it runs once per release and is never scaled. */
const RELEASE = 'release'
/** What is visited, and so may sleep. */
const WEB = 'web'
const AWAKE: NonNullable<Deps['sleep']> = { asleepSince: () => undefined, wakeUp: () => {} }

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  logs: LogSink
  /** The newest release that has not failed: its Procfile says which types there are. */
  newest: (appId: string) => Release | undefined
  current: (appId: string) => Release | undefined
  /** Since when the web processes of a release sleep; `wakeUp` ends that. */
  sleep?: { asleepSince(appId: string, version: number): Date | undefined; wakeUp(appId: string, why: string): void }
  /** Told of each restart before the processes are. */
  onRestart?: (appId: string, number: number) => void
  wake: () => void
}
type User = Release['user']
type Update = { type: string; quantity?: string | number | undefined }

/** How many of what should run. Not part of a release: quantities survive deploys. */
export function formations({ db, clock, ids, logs, newest, current, sleep = AWAKE, onRestart = () => {}, wake }: Deps) {
  const store = formationStore(db)
  const typesOf = (appId: string) => newest(appId)?.source?.processTypes ?? {}
  const defaultQuantity = (type: string) => (type === 'web' ? 1 : 0)

  function list(app: App): FormationEntry[] {
    const rows = new Map(store.list(app.id).map((row) => [row.type, row]))
    return Object.entries(typesOf(app.id)).map(([type, command]) => ({
      id: rows.get(type)?.id ?? `${app.id}-${type}`,
      type,
      command,
      quantity: type === RELEASE ? 0 : (rows.get(type)?.quantity ?? defaultQuantity(type)),
      createdAt: app.createdAt,
      updatedAt: rows.get(type)?.updatedAt ?? app.createdAt,
    }))
  }

  function scaleOne(app: App, now: FormationEntry[], { type, quantity }: Update) {
    const entry = now.find((one) => one.type === type)
    if (!entry) throw notInProcfile(type, now)
    if (quantity === undefined) return
    if (type === RELEASE) throw invalid('The release process runs once per release and cannot be scaled.')
    const wanted = parseQuantity(quantity, entry.quantity)
    store.put(app.id, { type, id: isOwnId(entry.id) ? entry.id : ids.uuid(), quantity: wanted, updatedAt: clock.now() })
  }

  return {
    list,

    scale(app: App, user: User, updates: readonly Update[]): FormationEntry[] {
      const after = db
        .transaction(() => {
          for (const update of updates) scaleOne(app, list(app), update)
          failpoint('scale.committing')
          return list(app)
        })
        .immediate()
      failpoint('scale.committed')
      const scaled = updates.filter((update) => update.quantity !== undefined).map((update) => update.type)
      const text = after.filter((entry) => scaled.includes(entry.type)).map((entry) => `${entry.type}=${entry.quantity}`)
      if (scaled.includes(WEB)) sleep.wakeUp(app.id, 'it is scaled')
      if (text.length > 0)
        logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Scale to ${text.join(' ')} by user ${user.email}` })
      wake()
      return after
    },

    /** Returns the restart's number, which rises per app. */
    restart(app: App, user: User, target?: { type: string; ordinal?: number }): number {
      if (target) checkTarget(app, target)
      const number = store.putRestart(app.id, { type: target?.type ?? '', ordinal: target?.ordinal ?? 0, stopped: null })
      failpoint('restart.committed')
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Restart ${targetName(target)} by user ${user.email}` })
      onRestart(app.id, number)
      if (!target || target.type === WEB) sleep.wakeUp(app.id, 'it is restarted')
      wake()
      return number
    },

    stop(app: App, user: User, target: { type: string; ordinal?: number }) {
      checkTarget(app, target)
      store.putRestart(app.id, { type: target.type, ordinal: target.ordinal ?? 0, stopped: current(app.id)?.version ?? 0 })
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Stop ${targetName(target)} by user ${user.email}` })
      wake()
    },

    /** The number of the newest restart or stop; 0 = there was none. */
    lastRestart: (appId: string): number => Math.max(0, ...store.restarts(appId).map(({ number }) => number)),

    /** Which processes a release should have, by the quantities and restarts of now. */
    slots(release: Release): Slot[] {
      const quantities = new Map(store.list(release.appId).map((row) => [row.type, row.quantity]))
      const restarts = store.restarts(release.appId)
      const isAsleep = sleep.asleepSince(release.appId, release.version) !== undefined
      return Object.keys(release.source?.processTypes ?? {})
        .filter((type) => type !== RELEASE)
        .flatMap((type) =>
          numbers(quantities.get(type) ?? defaultQuantity(type)).map((ordinal) => ({
            ...slot(release, type, ordinal, restarts),
            ...(isAsleep && type === WEB && { idle: true }),
          })),
        )
    },
  }

  function checkTarget(app: App, { type, ordinal }: { type: string; ordinal?: number }) {
    const entry = list(app).find((one) => one.type === type)
    if (!entry) throw notInProcfile(type, list(app))
    if (ordinal !== undefined && (ordinal < 1 || ordinal > entry.quantity)) throw notFound('dyno')
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const isOwnId = (id: string) => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(id)
const targetName = (target: { type: string; ordinal?: number } | undefined) =>
  target === undefined ? 'all' : target.ordinal ? `${target.type}.${target.ordinal}` : target.type

function slot(release: Release, type: string, ordinal: number, restarts: readonly Restart[]): Slot {
  const covering = restarts.filter((r) => (r.type === '' || r.type === type) && (r.ordinal === 0 || r.ordinal === ordinal))
  const last = covering.toSorted((a, b) => b.number - a.number)[0]
  return { type, ordinal, generation: last?.number ?? 0, stopped: last?.stopped === release.version }
}

function notInProcfile(type: string, now: readonly FormationEntry[]) {
  const known = now.map((entry) => entry.type).join(', ')
  return invalid(
    known
      ? `There is no process type ${JSON.stringify(type)}. The Procfile has: ${known}.`
      : 'Nothing is deployed yet, so there is nothing to scale: `git push dozen main` first.',
  )
}

/** "3" → 3; "+1" and "-1" count from `now`. */
function parseQuantity(quantity: string | number, now: number): number {
  const text = String(quantity)
  if (!/^[+-]?[0-9]{1,4}$/.test(text) || text === '-0') {
    throw invalid(
      `${JSON.stringify(quantity)} is no quantity: use a whole number from 0 to ${MAX_QUANTITY}, or +1, -1 to change it.`,
    )
  }
  const wanted = /^[+-]/.test(text) && typeof quantity === 'string' ? now + Number(text) : Number(text)
  if (wanted < 0 || wanted > MAX_QUANTITY) throw invalid(`A process type may have 0 to ${MAX_QUANTITY} processes, not ${wanted}.`)
  return wanted
}
