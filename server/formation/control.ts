import type { Ages } from './ages.ts'
import type { App } from '../apps/app.ts'
import type { RouteApp, RouteRules } from '../api/wire.ts'
import type { Check } from '../manifest/check.ts'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container, Engine } from '../engine/port.ts'
import { failpoint } from '../failpoint.ts'
import type { Release } from '../releases/release.ts'
import type { Releases } from '../releases/releases.ts'
import type { Routable } from '../routing/table.ts'
import type { Effects } from './effects.ts'
import { seen, type Seen } from './haves.ts'
import type { Narrator } from './narrator.ts'
import { dynoName, isRolling, plan, type Action, type Revision, type Slot, type Wants } from './plan.ts'
import type { liveness } from './liveness.ts'
import type { prober } from './prober.ts'
import type { Restarts } from './restarts.ts'

const RESYNC_MS = 10_000

type Deps = {
  engine: Pick<Engine, 'list'>
  instance: string
  /** Does not jump. */
  clock: Clock
  ages: Ages
  apps: () => App[]
  hosts: (app: App) => string[]
  rules: (appId: string) => RouteRules | undefined
  pages: (appId: string) => RouteApp['pages'] | undefined
  maySleep: (appId: string) => boolean
  releases: Releases
  slots: (release: Release) => Slot[]
  prober: ReturnType<typeof prober>
  liveness: ReturnType<typeof liveness>
  checks: (appId: string, type: string, version: number) => Check
  effects: Effects
  restarts: Restarts
  narrator: Narrator
  collect: (container: Container, about: { appId: string; dyno: string; release: number }) => void
  /** Resolves when an exited container's log has been read to its end. */
  finished: (id: string) => Promise<void>
  /** Runs the release phase, once; moves the release to the stage `rollout` or fails it. */
  releasePhase: (app: App, release: Release) => void
  routeApp: (app: Routable) => RouteApp
  routing: {
    publish(apps: RouteApp[]): Promise<boolean>
    openWindow(id: string, appId: string): Promise<void>
    closeWindow(id: string): Promise<NonNullable<Release['cost']> | undefined>
  }
  limits: { bootTimeoutMs: (appId: string) => number; proofMs: number; watchWindowMs: number; switchBatch: number }
}

/** One app in one pass: both sides, what they call for, and what the router will be told. */
type View = {
  app: App
  haves: Seen[]
  serving: Release | undefined
  candidate: Release | undefined
  wants: Wants
  actions: Action[]
}

/** Observe, plan, apply: the body of the reconcile loop over all apps. */
export function control(deps: Deps) {
  const { releases, effects, clock } = deps
  const windows = new Set<string>()
  const failing = new Set<string>()
  /** Release → when its switch came, in this life. */
  const servedSince = new Map<string, number>()

  async function observe(before: ReadonlySet<string>): Promise<Seen[]> {
    const from = clock.now().getTime()
    const containers = await deps.engine.list({ [LABEL.instance]: deps.instance, [LABEL.role]: 'dyno' })
    deps.ages.keep(containers, from)
    const asked = {
      ages: deps.ages,
      isBound: deps.prober.isBound,
      complaint: (id: string) => deps.liveness.sickness(id) ?? deps.prober.lastAnswer(id),
    }
    const read = () => containers.flatMap((c) => seen(c, asked, effects.isRetiring(c.id), clock, deps.limits) ?? [])
    await ask(read().filter((have) => have.type === 'web' && isLive(have)))
    const haves = read().filter((have) => have.state !== 'unstarted' || !effects.isStarting(have, before))
    for (const have of haves) {
      if (have.state !== 'unstarted')
        deps.collect(have.container, { appId: have.appId, dyno: dynoName(have), release: have.version })
    }
    deps.narrator.observe(haves)
    return haves
  }

  /** Asks those that listen: the new ones whether they are up, the others from time to time how they are. */
  async function ask(web: Seen[]) {
    const hosts = new Map(deps.apps().map((app) => [app.id, deps.hosts(app)[0] ?? app.name]))
    const listening = web.flatMap((have) => {
      if (have.address === undefined) return []
      const check = deps.checks(have.appId, have.type, have.version)
      return [{ have, check, id: have.id, address: have.address, path: check.path, host: hosts.get(have.appId) ?? '' }]
    })
    await deps.prober.follow(listening)
    deps.liveness.follow(listening.filter(({ have, id }) => deps.prober.isBound(id) && !have.retiring))
  }

  /** The newest pending release is the one to come; those it overtook expire, unless their release phase is under way. */
  function candidateOf(app: App, pending: Release[]): Release | undefined {
    const newest = pending.at(-1)
    for (const older of pending.slice(0, -1)) {
      if (older.stage === 'release_phase') {
        deps.releasePhase(app, older)
        return undefined // its turn first: two release phases of one app never overlap
      }
      releases.settle(older, 'expired', { reason: `v${newest!.version} overtook it before it served.` })
    }
    if (newest?.stage === 'release_phase') deps.releasePhase(app, newest)
    return newest?.stage === 'rollout' ? newest : undefined
  }

  function wantsOf(serving: Release | undefined, candidate: Release | undefined): Wants {
    return {
      ...(serving && { serving: { version: serving.version, slots: deps.slots(serving), ...watchOf(serving) } }),
      ...(candidate && { candidate: { version: candidate.version, slots: deps.slots(candidate) } }),
      ...(deps.limits.switchBatch > 0 && { batch: deps.limits.switchBatch }),
    }
  }

  function watchOf(serving: Release) {
    const now = clock.now().getTime()
    const until = (servedSince.get(serving.id) ?? Math.min(now, serving.updatedAt.getTime())) + deps.limits.watchWindowMs
    if (serving.cause === 'automatic_rollback' || now >= until) return {}
    const before = releases
      .list(serving.appId)
      .findLast((r) => r.version < serving.version && r.status === 'succeeded' && r.source)
    return before ? { watch: { until, revertTo: before.version } } : {}
  }

  function view(app: App, pending: Release[], all: Seen[]): View {
    const haves = all.filter((have) => have.appId === app.id)
    const candidate = candidateOf(app, pending)
    const current = releases.current(app.id)
    const serving = current?.source ? current : undefined
    const wants = wantsOf(serving, candidate)
    return { app, haves, serving, candidate, wants, actions: plan(wants, haves, clock.now().getTime()) }
  }

  /** The table as it is to be once this pass is acknowledged: with what takes over, without what is about to stop. */
  function routable({ app, haves, serving, candidate, wants, actions }: View): Routable {
    const promoted = actions.some((action) => action.do === 'promote') ? wants.candidate : undefined
    const revision = promoted ?? wants.serving
    const going = new Set(actions.flatMap((action) => (action.do === 'retire' ? [action.have.id] : [])))
    const isNew = (h: Seen) => isRolling(wants) && h.version === candidate?.version && h.state === 'up'
    const isIn = (h: Seen) => h.version === revision?.version || isNew(h)
    const mine = haves.filter((h) => h.type === 'web' && isIn(h) && !h.retiring && !going.has(h.id) && !isSick(h))
    return {
      id: app.id,
      name: app.name,
      hosts: deps.hosts(app),
      maintenance: app.maintenance,
      rules: deps.rules(app.id),
      pages: deps.pages(app.id),
      sleep: deps.maySleep(app.id) ? (isIdle(revision) ? 'does' : 'may') : undefined,
      deployed: serving !== undefined || candidate !== undefined,
      wanted: (revision ?? wants.candidate)?.slots.filter((slot) => slot.type === 'web' && !slot.stopped).length ?? 0,
      web: mine.map((have) => ({ dyno: dynoName(have), address: have.address, state: have.state })),
    }
  }

  async function openWindows(views: View[]) {
    for (const { actions, candidate, serving, app, wants, haves } of views) {
      if (!candidate || !serving || windows.has(candidate.id)) continue
      const isFirstUp = isRolling(wants) && haves.some((have) => have.version === candidate.version && have.state === 'up')
      if (!isFirstUp && !actions.some((action) => action.do === 'promote')) continue
      failpoint('switch.proven')
      windows.add(candidate.id)
      await deps.routing.openWindow(candidate.id, app.id)
    }
  }

  /** `succeeded` is said only here: the router has acknowledged a table that leads to the new processes. */
  function promote({ candidate, haves }: View) {
    const undrained = haves.some((have) => have.version !== candidate!.version && have.type === 'web' && isLive(have))
    failpoint('switch.published')
    servedSince.set(candidate!.id, clock.now().getTime())
    releases.settle(candidate!, 'succeeded', { done: !undrained && !windows.has(candidate!.id) })
    failpoint('switch.settled')
  }

  /** After a switch: once the old web processes are drained, what it cost is known and the release is done. */
  async function finishSwitch({ serving, haves }: View) {
    if (serving?.stage !== 'rollout') return
    const old = haves.filter((have) => have.version !== serving.version && have.type === 'web' && isLive(have))
    if (!old.every((have) => effects.isDrained(have.id))) return
    const cost = windows.delete(serving.id) ? await deps.routing.closeWindow(serving.id) : undefined
    releases.update(serving, { stage: 'done', ...(cost && { cost: effects.withCuts(serving.appId, cost) }) })
  }

  function apply(view: View, action: Action, acknowledged: boolean, before: ReadonlySet<string>) {
    const { app, serving, candidate, haves } = view
    const container = (have: { id: string }) => haves.find((one) => one.id === have.id)!
    switch (action.do) {
      case 'start': {
        const release = action.version === candidate?.version ? candidate : serving!
        const onRefused = (reason: string) => release === candidate && releases.settle(release, 'failed', { reason })
        return effects.start({ app, release, slot: action.slot, crashes: action.crashes, onRefused }, before)
      }
      case 'remove':
        return effects.remove(container(action.have))
      case 'kill':
        deps.restarts.killed(action.have, action.why)
        return effects.kill(container(action.have), action.why)
      case 'retire':
        return acknowledged ? effects.retire(container(action.have)) : undefined
      case 'promote':
        return acknowledged ? promote(view) : undefined
      case 'fail':
        return fail(view, action)
      case 'revert':
        return void releases.revert(serving!, releases.findVersion(app.id, action.to)!, action.why)
      case 'wait':
        return
      default:
        action satisfies never
    }
  }

  function fail({ candidate, haves }: View, { have, why }: Action & { do: 'fail' }) {
    const failed = haves.find((one) => one.id === have.id)!
    if (failing.has(candidate!.id)) return
    failing.add(candidate!.id)
    if (failed.state === 'starting') effects.kill(failed, why.slice(why.indexOf('Error R10')))
    const settle = async () => {
      failpoint('release.failing')
      if (windows.delete(candidate!.id)) await deps.routing.closeWindow(candidate!.id)
      await releases.fail(candidate!, dynoName(failed), `${why}.`)
      failpoint('release.failed')
      failing.delete(candidate!.id)
    }
    // Who waits is shown its last lines. What cannot be written down now is tried again by a later pass.
    void deps.finished(failed.id).then(settle, settle).catch(() => failing.delete(candidate!.id)) // prettier-ignore
  }

  /** Containers of apps that are no more. */
  function removeOrphans(haves: Seen[], apps: App[]) {
    const known = new Set(apps.map((app) => app.id))
    for (const have of haves.filter((one) => !known.has(one.appId) && !one.retiring)) {
      if (isLive(have)) effects.retire(have)
      else effects.remove(have)
    }
  }

  return {
    async pass(): Promise<number> {
      const before = effects.startsUnderWay()
      const haves = await observe(before)
      const apps = deps.apps()
      const open = releases.open()
      const views = apps.map((app) =>
        view(app, open.filter((release) => release.appId === app.id && release.status === 'pending'), haves),
      ) // prettier-ignore
      views.sort((a, b) => Number(b.candidate !== undefined) - Number(a.candidate !== undefined)) // who deploys waits for it
      await openWindows(views)
      const acknowledged = await deps.routing.publish(views.map((one) => deps.routeApp(routable(one))))
      for (const one of views) {
        for (const action of one.actions) apply(one, action, acknowledged, before)
        await finishSwitch(one)
        deps.restarts.look({ appId: one.app.id, slots: one.wants.serving?.slots ?? [], haves: one.haves, isDrained: effects.isDrained }) // prettier-ignore
      }
      removeOrphans(haves, apps)
      const retry = effects.nextRetry()
      const waits = views.flatMap(({ actions }) => actions.flatMap((action) => (action.do === 'wait' ? [action.until] : [])))
      const due = [retry, ...waits].map((until) => until - clock.now().getTime())
      return Math.max(0, Math.min(RESYNC_MS, ...due, ...(acknowledged ? [] : [200])))
    },
    /** The app's processes as they are now, for `dozen ps`. */
    dynos: async (appId: string) =>
      (await observe(effects.startsUnderWay())).filter((have) => have.appId === appId && !have.retiring),
  }
}

/** It is up, and about to be replaced: no more requests go there. */
const isSick = (have: Seen) => have.state === 'up' && have.complaint !== undefined
const isIdle = (revision: Revision | undefined) =>
  revision?.slots.some((slot) => slot.type === 'web' && slot.idle === true && !slot.stopped) === true
const isLive = (have: Seen) => have.state === 'starting' || have.state === 'up'
