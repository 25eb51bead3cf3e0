import type { App } from '../apps/app.ts'
import type { Check } from '../manifest/check.ts'
import type { Clock } from '../clock.ts'
import type { Container, Engine } from '../engine/port.ts'
import type { Ids } from '../ids.ts'
import type { Limits } from '../limits/limits.ts'
import type { LogSink } from '../logs/line.ts'
import type { Release } from '../releases/release.ts'
import type { Releases } from '../releases/releases.ts'
import type { Routing } from '../routing/routing.ts'
import type { Routable } from '../routing/table.ts'
import type { RouteApp, RouteRules } from '../api/wire.ts'
import { ages } from './ages.ts'
import { control } from './control.ts'
import { dynos, type DynoCommand } from './dynos.ts'
import { effects } from './effects.ts'
import type { Seen } from './haves.ts'
import { dynoName, type Slot } from './plan.ts'
import { liveness } from './liveness.ts'
import { narrator } from './narrator.ts'
import { probe } from './probe.ts'
import { prober } from './prober.ts'
import { reconciler } from './reconciler.ts'
import { restarts as makeRestarts } from './restarts.ts'

type Deps = {
  engine: Engine
  /** Does not jump. */
  clock: Clock
  /** The machine's, in which the engine tells its times. */
  wall: Clock
  ids: Ids
  instance: string
  logs: LogSink
  /** Keeps a container's output; `finished` resolves when an exited one's has been read to its end. */
  collector: {
    watch(container: Container, about: { appId: string; dyno: string; release: number }): void
    finished(id: string): Promise<void>
  }
  apps: () => App[]
  hosts: (app: App) => string[]
  /** What the app wants of the router in its own way. */
  rules: (appId: string) => RouteRules | undefined
  /** Addresses of the app's own pages. */
  pages: (appId: string) => RouteApp['pages'] | undefined
  maySleep: (appId: string) => boolean
  isReadOnly: (appId: string) => boolean
  /** For a web process to bind its port. */
  bootTimeoutMs: (appId: string) => number
  /** From SIGTERM to SIGKILL. */
  stopTimeoutMs: (appId: string) => number
  releases: Releases
  slots: (release: Release) => Slot[]
  /** The last lines that a process of a release wrote itself. */
  lastLines: (appId: string, version: number, dyno: string) => Promise<readonly string[]>
  /** What a process is held to by its health check. */
  checks: (appId: string, type: string, version: number) => Check
  routing: Routing
  routeApp: (app: Routable) => RouteApp
  releasePhase: (app: App, release: Release) => void
  network: () => Promise<string>
  dynoCommand: DynoCommand
  /** What each process of a type may use. */
  quota: (appId: string, type: string) => Limits
  limits: {
    proofMs: number
    watchWindowMs: number
    switchBatch: number
    drainTimeoutMs: number
  }
  /** Told of each change of a process's state. */
  onState?: (have: Seen, state: 'starting' | 'up' | 'crashed') => void
  onError: (what: string, cause: unknown) => void
}

/** The process manager: the reconcile loop with everything that it looks at and moves. */
export function processes(deps: Deps) {
  let wake = () => {}
  const wakeLater = () => wake()
  const { engine, clock, collector, releases, routing, onError } = deps
  const { finished } = collector
  const probes = prober({ clock, onBound: wakeLater })
  const alive = liveness({ clock, probe, onSick: wakeLater })
  const told = narrator({ logs: deps.logs, finished, onState: deps.onState })
  const does = effects({
    engine,
    clock,
    dynos: dynos({ ...deps, limits: deps.quota, config: releases.config }),
    narrator: told,
    drained: routing.drained,
    finished,
    limits: { stopTimeoutMs: deps.stopTimeoutMs, drainTimeoutMs: deps.limits.drainTimeoutMs },
    wake: wakeLater,
    onError,
  })
  const restarts = makeRestarts({
    openWindow: routing.openWindow,
    async closeWindow(id) {
      const cost = await routing.closeWindow(id)
      return cost && does.withCuts(id.slice(-36), cost)
    },
    async lastLines(have, appId) {
      await finished(have.id)
      return deps.lastLines(appId, have.version, dynoName(have))
    },
  })
  const loop = control({
    ...deps,
    ages: ages({ clock, wall: deps.wall }),
    limits: { ...deps.limits, bootTimeoutMs: deps.bootTimeoutMs },
    collect: collector.watch,
    finished,
    prober: probes,
    liveness: alive,
    effects: does,
    restarts,
    narrator: told,
  })
  const { run, wake: wakeLoop } = reconciler({ clock, pass: loop.pass, onError: (cause) => onError('the reconcile pass', cause) })
  wake = wakeLoop

  return {
    wake: wakeLoop,
    dynos: loop.dynos,
    refusal: does.refusal,
    restarts,
    /** Until `signal` aborts. */
    async run(signal: AbortSignal) {
      await run(signal)
      probes.close()
      alive.close()
    },
  }
}
