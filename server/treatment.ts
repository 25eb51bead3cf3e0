import type { Db } from '../db/open.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { LogSink } from './logs/line.ts'
import type { Releases } from './releases/releases.ts'
import { pages } from './routing/pages.ts'
import type { RouterClient } from './routing/router-client.ts'
import { settings as makeSettings } from './settings/settings.ts'
import { timeText } from './settings/values.ts'
import { sleep as makeSleep } from './sleep/sleep.ts'
import { sleepWatch } from './sleep/watch.ts'

type Deps = {
  config: Pick<Config, 'bootTimeoutMs' | 'stopTimeoutMs'>
  db: Db
  clock: Clock
  logs: LogSink
  releases: Releases
  router: RouterClient
  wake: () => void
}

/** How the platform treats each app in its own way: its settings, its pages, its sleep. `ofApp` is what the process manager asks of them. */
export function treatment({ config, db, clock, logs, releases, router, wake }: Deps) {
  const sleep = makeSleep({ db, clock, logs, wake })
  const defaults = { 'boot-timeout': timeText(config.bootTimeoutMs), 'stop-timeout': timeText(config.stopTimeoutMs) }
  const settings = makeSettings({ db, logs, defaults, wake })
  const ofApp = {
    rules: settings.rules,
    pages: pages(releases).of,
    maySleep: sleep.maySleep,
    isReadOnly: (appId: string) => settings.own(appId, 'read-only') ?? false,
    bootTimeoutMs: (appId: string) => settings.own(appId, 'boot-timeout') ?? config.bootTimeoutMs,
    stopTimeoutMs: (appId: string) => settings.own(appId, 'stop-timeout') ?? config.stopTimeoutMs,
  }
  return { sleep, settings, ofApp, naps: sleepWatch({ clock, sleep, router, settled: releases.settledCurrent }) }
}
