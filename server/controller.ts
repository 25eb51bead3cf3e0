import { createHmac } from 'node:crypto'
import { announce } from './announce.ts'
import { accounts as makeAccounts } from './accounts/accounts.ts'
import { collaborators as makeCollaborators } from './accounts/collaborators.ts'
import { keys as makeKeys } from './accounts/keys.ts'
import { apps as makeApps } from './apps/apps.ts'
import { cleanup as makeCleanup } from './apps/cleanup.ts'
import { builder as makeBuilder } from './builds/builder.ts'
import { builds as makeBuilds } from './builds/builds.ts'
import { dynoCommand } from './builds/dyno-command.ts'
import { buildpacks as makeBuildpacks } from './buildpacks/buildpacks.ts'
import { buildpackFetcher } from './buildpacks/fetch.ts'
import { checks as makeChecks } from './checks/checks.ts'
import { steadyClock, systemClock as clock } from './clock.ts'
import type { Config } from './config.ts'
import { configVars as makeConfigVars } from './config-vars/config-vars.ts'
import { cron as makeCron } from './cron/cron.ts'
import { deploys as makeDeploys } from './deploys/deploys.ts'
import { doctor as makeDoctor } from './doctor/doctor.ts'
import type { Troubles } from './doctor/troubles.ts'
import { disk as makeDisk } from './disk/keeping.ts'
import { sizeOf } from './disk/usage.ts'
import { drains as makeDrains } from './drains/drains.ts'
import { events as makeEvents } from './events/events.ts'
import { dynoReports } from './formation/dyno-reports.ts'
import { processSpec, type ProcessOf } from './formation/dynos.ts'
import { foundations } from './foundations.ts'
import { formations as makeFormations } from './formation/formations.ts'
import { formationVerbs } from './formation/verbs.ts'
import { processes as makeProcesses } from './formation/processes.ts'
import { gitEnvironment } from './git/repos.ts'
import type { Home } from './home.ts'
import { hostNames } from './host-names.ts'
import { systemIds as ids } from './ids.ts'
import { metrics as makeMetrics } from './metrics/metrics.ts'
import { routerSpool } from './logs/router-spool.ts'
import { logSessions } from './logs/sessions.ts'
import { limits as makeLimits } from './limits/limits.ts'
import { outputs } from './outputs.ts'
import { checkHost, outsideAddress } from './outside.ts'
import { transfers as makeTransfers } from './apps/transfers.ts'
import { pipelines as makePipelines } from './pipelines/pipelines.ts'
import { releasePhase as makeReleasePhase } from './releases/release-phase.ts'
import { releases as makeReleases } from './releases/releases.ts'
import { checkPage } from './routing/pages.ts'
import { routeApp } from './routing/table.ts'
import { runs as makeRuns } from './runs/runs.ts'
import { stack as makeStack, stackVerbs } from './stack/stack.ts'
import { treatment } from './treatment.ts'
import { upkeep } from './upkeep.ts'
import { watchers } from './watchers.ts'
import { webhooks as makeWebhooks } from './webhooks/webhooks.ts'

type Deps = {
  config: Config
  home: Home
  /** Makes and prepares an app's repository. */
  createRepo: (appId: string) => void
  packRepository: (appId: string) => Promise<void>
  webUrl: (name: string) => string
  /** The router's ports, once it runs. */
  publicPorts: () => readonly number[]
  onError: (what: string, cause: unknown) => void
  troubles: Troubles
  /** $PATH, for git and iptables. */
  path: string | undefined
}

/** Every room, wired: from here on only verbs. */
export function controller(deps: Deps) {
  const { config, home, createRepo, packRepository, webUrl, onError, path } = deps
  const { db, instance, key, vault, stream, collector, engine, router, routing, network, fence, confined, secrets, letGo } =
    foundations(deps)
  const accounts = makeAccounts({ db, clock, ids })
  const collaborators = makeCollaborators({ db, clock, ids, findAccount: accounts.findByEmailOrId })
  const stack = makeStack({ engine, clock, pairs: config.stacks })
  let wakeLoop = () => {}
  const wake = () => {
    keeping.ask()
    wakeLoop()
  }
  const events = makeEvents({ db, clock, ids, onRecord: (event) => webhooks.enqueue(event) })
  const webhooks = makeWebhooks({
    db, vault, clock, ids, findEvent: events.find, isInsideAllowed: config.isInsideAllowed, onError,
  }) // prettier-ignore
  const told = announce({
    events,
    find: (id) => apps.byId(id),
    isWanted: webhooks.isWanted,
    apiUrl: `http://${config.apiHost}:${config.apiPort}`,
    webUrl,
    onError,
  })
  const hasImage = async (image: string) => (await engine.image(image)) !== undefined
  const lastLines = async (appId: string, release: number, dyno: string) =>
    (await stream.read(appId, { release, dyno, source: 'app', lines: 50 })).map((line) => line.text)
  const releases = makeReleases({
    db, clock, ids, vault, logs: stream, hasImage, lastLines, keep: config.keepReleases, onChange: told.release, wake,
  }) // prettier-ignore
  const configVars = makeConfigVars({ releases, checkMeaning: checkPage })
  const cleanup = makeCleanup({
    engine, clock, instance, reposFolder: home.path('repos'), logsFolder: home.path('logs'), removeLogs: stream.remove, keptImages: releases.keptImages,
  }) // prettier-ignore
  const apps = makeApps({
    db,
    clock,
    ids,
    initialRelease: (appId, user) => void releases.initial(appId, user),
    mayUse: (account, app) => collaborators.permissions(account, app).length > 0,
    prepare: createRepo,
    maxPerUser: config.appsPerUser,
    stacks: stack.names,
    clean: async (app) =>
      void cleanup.clean(app.id).catch((cause: unknown) => {
        onError(`cleaning up ${app.name}`, cause)
        keeping.ask()
      }),
    wake,
  })
  const { domains, certs, acme } = hostNames({
    config, home, db, vault, clock, ids, stream, routing, apps, findAccount: accounts.find, wake, onError,
  }) // prettier-ignore
  const { sleep, settings, ofApp, naps } = treatment({ config, db, clock, logs: stream, releases, router, wake })
  const newest = (appId: string) => releases.newest(appId, ['pending', 'succeeded'])
  const formations = makeFormations({
    db, clock, ids, logs: stream, newest, current: releases.current, sleep,
    onRestart: (appId, number) => processes.restarts.begin(appId, number), wake,
  }) // prettier-ignore
  const limits = makeLimits({
    db,
    logs: stream,
    defaults: config,
    types: (app) => formations.list(app).map(({ type }) => type),
    restart: formations.restart,
  })
  const spec = (process: ProcessOf) =>
    processSpec({ ids, instance, dynoCommand, config: releases.config, limits: limits.of, isReadOnly: ofApp.isReadOnly }, process)
  const shared = {
    engine,
    clock,
    ids,
    instance,
    logs: stream,
    network,
    collect: collector.watch,
    finished: collector.finished,
    onError,
  }

  const checks = makeChecks({ db, logs: stream, wake })
  const releasePhase = makeReleasePhase({
    ...shared,
    spec,
    passed: (release) => releases.update(release, { stage: 'rollout' }),
    failed: releases.fail,
    isOpen: (appId, version) => releases.findVersion(appId, version)?.stage === 'release_phase',
    timeoutMs: config.releasePhaseTimeoutMs,
  })
  const steady = steadyClock(clock)
  const processes = makeProcesses({
    ...shared,
    clock: steady,
    wall: clock,
    collector,
    apps: apps.all,
    hosts: domains.hosts,
    ...ofApp,
    releases,
    slots: formations.slots,
    lastLines,
    checks: (appId, type, version) => checks.of(appId, type, releases.findVersion(appId, version)?.source?.manifest?.checks),
    routing,
    routeApp,
    releasePhase: releasePhase.ensure,
    dynoCommand,
    onState: told.dyno,
    quota: limits.of,
    limits: config,
  })
  wakeLoop = processes.wake
  const runs = makeRuns({
    ...shared, db, spec, current: releases.current, timeoutMs: config.runTimeoutMs, maxPerApp: config.runsPerApp,
  }) // prettier-ignore
  const cron = makeCron({ db, clock, logs: stream, apps: apps.all, current: releases.current, runs, onError })
  const buildpacks = makeBuildpacks({ db, logs: stream, mayUseHost: (accountId) => accounts.find(accountId)?.admin === true })
  const builder = makeBuilder({
    engine,
    stack,
    clock,
    instance,
    limits: config,
    confined,
    checkHost: config.isInsideAllowed ? undefined : checkHost,
    fetch: buildpackFetcher({
      env: gitEnvironment(path), maxBytes: config.buildpackBytes, sizeOf, clock, addressOf: config.isInsideAllowed ? undefined : outsideAddress,
    }), // prettier-ignore
    inputsKey: createHmac('sha256', key).update('build inputs').digest(),
  })
  const builds = makeBuilds({
    db,
    clock,
    ids,
    logs: stream,
    builder,
    atOnce: config.buildsAtOnce,
    config: configVars.current,
    isKnown: (id) => apps.has(id),
    onChange: told.build,
    setting: (app) => ({
      stackSetting: app.stack,
      buildpacks: buildpacks.list(app.id),
    }),
  })
  const deploys = makeDeploys({ logs: stream, builds, releases, url: (app) => webUrl(app.name) })
  const drains = makeDrains({ db, vault, clock, ids, stream, isInsideAllowed: config.isInsideAllowed })
  const disk = makeDisk({
    engine, clock, instance, ...releases, isDeploying: deploys.isBusy, apps: apps.all, packRepository, logs: stream, database: home.database,
    reposFolder: home.path('repos'), logsFolder: home.path('logs'), limits: { ...config, reserveBytes: config.diskReserveBytes },
  }) // prettier-ignore
  const chores = [
    { what: 'clearing interrupted builds', work: builds.tidy },
    { what: 'clearing release phases', work: releasePhase.tidy },
    { what: 'adopting one-off dynos', work: runs.tidy },
    { what: 'stopping drains', work: drains.stop },
    { what: 'bounding the logs', work: stream.tidy },
    { what: 'sweeping', work: () => cleanup.sweep(apps.has), isOnDemand: true },
    { what: 'handing certificates to the router', work: certs.sync, isOnDemand: true },
    { what: 'mending the fence', work: fence.mend, isOnDemand: true },
    { what: 'watching the disk', work: disk.guard },
    { what: 'cutting back caches and repositories', work: disk.caps, isOnDemand: true },
    { what: 'ordering certificates', work: acme.wake, isOnDemand: true },
    { what: 'pruning images', work: disk.prune, isOnDemand: true },
  ]
  const outside = watchers({ engine, instance, clock, verifyRouter: routing.verify, wake })
  const keeping = upkeep(chores, { clock, onError })
  const { findVersion: findRelease, current } = releases
  const { refusal, dynos: observe } = processes
  const reports = dynoReports({
    clock: steady, observe, runs: runs.list, findRelease, current, slots: formations.slots, refusal, asleepSince: sleep.asleepSince,
  }) // prettier-ignore
  const doctor = makeDoctor({
    db, engine, socket: config.dockerSocket, home: home.path(''), wall: clock, steady, router, acknowledged: routing.acknowledged, apps: apps.list,
    dynos: reports.list, troubles: deps.troubles, fence,
  }) // prettier-ignore
  const spool = routerSpool({
    folder: home.path('router/requests'), positionFile: home.path('logs/router-position.json'), stream, clock, isKnown: (appId) => apps.has(appId),
  }) // prettier-ignore

  return {
    instance,
    db,
    vault,
    accounts,
    collaborators,
    events,
    webhooks,
    keys: makeKeys({ db, clock, ids }),
    pipelines: makePipelines({ db, clock, ids }),
    transfers: makeTransfers({ db, clock, ids }),
    ...outputs({ builds, releases, stream }),
    routing,
    router,
    metrics: makeMetrics({ router }),
    fence,
    sessions: logSessions({
      stream, clock, ids, vault, isKnown: (appId) => apps.has(appId), maxPerApp: config.logSessionsPerApp,
    }), // prettier-ignore
    useCases: {
      apps,
      releases,
      configVars,
      domains,
      runs,
      builds,
      buildpacks,
      acme,
      certs,
      checks,
      cron,
      drains,
      limits,
      doctor,
      settings,
      sleep,
      deploys,
      secrets,
      disk,
      stacks: stackVerbs(stack),
      formation: formationVerbs({ formations, runs, dynos: reports.list, restarts: processes.restarts }),
    },

    expectPush: builds.prepare,

    /** Finds out what an earlier life left, then keeps everything as wanted until `signal` aborts. */
    async run(signal: AbortSignal): Promise<void> {
      await letGo().catch((cause: unknown) => onError('letting go what was held for its log', cause))
      const loops = [processes.run(signal), spool.run(signal), outside.run(signal), naps.run(signal)]
      builds.failInterrupted()
      drains.run(signal)
      await Promise.all([...loops, keeping.run(signal), acme.run(signal), cron.run(signal), webhooks.run(signal)])
    },
    async close() {
      await collector.close()
      stream.close()
      db.close()
    },
  }
}
