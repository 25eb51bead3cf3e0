import type { App } from '../apps/app.ts'
import type { Check } from '../checks/checks.ts'
import type { Clock } from '../clock.ts'
import type { Container, Engine } from '../engine/port.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Release } from '../releases/release.ts'
import type { Releases } from '../releases/releases.ts'
import type { Routing } from '../routing/routing.ts'
import type { Routable } from '../routing/table.ts'
import type { RouteApp } from '../api/wire.ts'
import { control } from './control.ts'
import { dynos, type DynoCommand } from './dynos.ts'
import { effects } from './effects.ts'
import type { Slot } from './plan.ts'
import { liveness } from './liveness.ts'
import { narrator } from './narrator.ts'
import { probe } from './probe.ts'
import { prober } from './prober.ts'
import { reconciler } from './reconciler.ts'

type Deps = {
  engine: Engine
  clock: Clock
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
  releases: Releases
  slots: (release: Release) => Slot[]
  /** What a process is held to by its health check. */
  checks: (appId: string, type: string) => Check
  routing: Routing
  routeApp: (app: Routable) => RouteApp
  releasePhase: (app: App, release: Release) => void
  network: () => Promise<string>
  dynoCommand: DynoCommand
  limits: {
    memoryBytes: number
    bootTimeoutMs: number
    proofMs: number
    watchWindowMs: number
    stopTimeoutMs: number
    drainTimeoutMs: number
  }
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
  const told = narrator({ logs: deps.logs, finished })
  const does = effects({
    engine,
    clock,
    dynos: dynos({ ...deps, config: releases.config }),
    narrator: told,
    drained: routing.drained,
    finished,
    limits: deps.limits,
    wake: wakeLater,
    onError,
  })
  const loop = control({
    ...deps,
    collect: collector.watch,
    finished,
    prober: probes,
    liveness: alive,
    effects: does,
    narrator: told,
  })
  const { run, wake: wakeLoop } = reconciler({ clock, pass: loop.pass, onError: (cause) => onError('the reconcile pass', cause) })
  wake = wakeLoop

  return {
    wake: wakeLoop,
    dynos: loop.dynos,
    /** Until `signal` aborts. */
    async run(signal: AbortSignal) {
      await run(signal)
      probes.close()
      alive.close()
    },
  }
}
