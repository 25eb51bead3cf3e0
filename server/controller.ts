import { createHmac } from 'node:crypto'
import { openDb, type Db } from '../db/open.ts'
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
import { certs as makeCerts } from './certs/certs.ts'
import { checks as makeChecks } from './checks/checks.ts'
import { systemClock as clock } from './clock.ts'
import type { Config } from './config.ts'
import { configVars as makeConfigVars } from './config-vars/config-vars.ts'
import { deploys as makeDeploys } from './deploys/deploys.ts'
import { domains as makeDomains } from './domains/domains.ts'
import { disk as makeDisk } from './disk/disk.ts'
import { drains as makeDrains } from './drains/drains.ts'
import { dockerEngine } from './engine/docker.ts'
import { LABEL } from './engine/labels.ts'
import type { Engine } from './engine/port.ts'
import { dynoReports } from './formation/dyno-reports.ts'
import { processSpec } from './formation/dynos.ts'
import { formations as makeFormations } from './formation/formations.ts'
import { processes as makeProcesses } from './formation/processes.ts'
import { gitEnvironment } from './git/repos.ts'
import type { Home } from './home.ts'
import { systemIds as ids } from './ids.ts'
import { collector as makeCollector } from './logs/collector.ts'
import { routerSpool } from './logs/router-spool.ts'
import { logSessions } from './logs/sessions.ts'
import { logStream } from './logs/stream.ts'
import { pipelines as makePipelines } from './pipelines/pipelines.ts'
import { releasePhase as makeReleasePhase } from './releases/release-phase.ts'
import { releases as makeReleases } from './releases/releases.ts'
import { routerClient } from './routing/router-client.ts'
import { routing as makeRouting } from './routing/routing.ts'
import { routeApp } from './routing/table.ts'
import { runs as makeRuns } from './runs/runs.ts'
import { keyFrom, vault as makeVault } from './secrets/vault.ts'
import { stack as makeStack } from './stack/stack.ts'
import { upkeep } from './upkeep.ts'

type Deps = {
  config: Config
  home: Home
  /** Makes and prepares an app's repository. */
  createRepo: (appId: string) => void
  webUrl: (name: string) => string
  onError: (what: string, cause: unknown) => void
  /** $PATH, for git. */
  path: string | undefined
}

/** Every room, wired: from here on only verbs. */
export function controller({ config, home, createRepo, webUrl, onError, path }: Deps) {
  const db = openDb(home.database)
  const instance = config.instance ?? instanceOf(db)
  const docker = dockerEngine({ socket: config.dockerSocket })
  const key = keyFrom(home.path('secret.key'), () => isEmpty(db))
  const vault = makeVault(key)
  const accounts = makeAccounts({ db, clock, ids })
  const collaborators = makeCollaborators({ db, clock, ids, findAccount: accounts.findByEmailOrId })
  const stream = logStream({ folder: home.path('logs'), clock, bytesPerApp: config.logBytes })
  const collector = makeCollector({ engine: docker, stream, clock })
  const engine: Engine = {
    ...docker,
    async remove(id) {
      await docker.remove(id)
      collector.forget(id)
    },
  }
  const router = routerClient(home.path('router/control.sock'))
  const routing = makeRouting({ db, clock, router, onError: (cause) => onError('the router', cause) })
  const stack = makeStack({ engine, clock })
  let wakeLoop = () => {}
  const wake = () => {
    keeping.ask()
    wakeLoop()
  }
  const network = () =>
    engine.ensureNetwork({
      name: `dozen-${instance}`,
      labels: { [LABEL.instance]: instance, [LABEL.role]: 'network' },
      isolated: true,
    })

  const hasImage = async (image: string) => (await engine.image(image)) !== undefined
  const releases = makeReleases({ db, clock, ids, vault, logs: stream, hasImage, keep: config.keepReleases, wake })
  const configVars = makeConfigVars({ releases })
  const cleanup = makeCleanup({
    engine,
    clock,
    instance,
    reposFolder: home.path('repos'),
    logsFolder: home.path('logs'),
    removeLogs: stream.remove,
  })
  const apps = makeApps({
    db,
    clock,
    ids,
    initialRelease: (appId, user) => void releases.initial(appId, user),
    mayUse: (account, app) => collaborators.permissions(account, app).length > 0,
    prepare: createRepo,
    clean: async (app) =>
      void cleanup.clean(app.id).catch((cause: unknown) => {
        onError(`cleaning up ${app.name}`, cause)
        keeping.ask()
      }),
    wake,
  })
  const domains = makeDomains({ db, clock, ids, logs: stream, baseDomain: config.domain, apiHost: config.apiHost, wake })
  const newest = (appId: string) => releases.newest(appId, ['pending', 'succeeded'])
  const formations = makeFormations({ db, clock, ids, logs: stream, newest, current: releases.current, wake })
  const spec = (process: Parameters<typeof processSpec>[1]) =>
    processSpec({ ids, instance, dynoCommand, config: releases.config, limits: config }, process)
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
    failed: (release, reason) => releases.settle(release, 'failed', { reason }),
    isOpen: (appId, version) => releases.findVersion(appId, version)?.stage === 'release_phase',
    timeoutMs: config.releasePhaseTimeoutMs,
  })
  const processes = makeProcesses({
    ...shared,
    collector,
    apps: apps.all,
    hosts: domains.hosts,
    releases,
    slots: formations.slots,
    checks: checks.of,
    routing,
    routeApp,
    releasePhase: releasePhase.ensure,
    dynoCommand,
    limits: config,
  })
  wakeLoop = processes.wake
  const runs = makeRuns({ ...shared, db, spec, current: releases.current, timeoutMs: config.runTimeoutMs })
  const buildpacks = makeBuildpacks({ db, logs: stream, mayUseHost: (accountId) => accounts.find(accountId)?.admin === true })
  const builder = makeBuilder({
    engine,
    stack,
    clock,
    instance,
    limits: config,
    fetch: buildpackFetcher({ env: gitEnvironment(path) }),
    inputsKey: createHmac('sha256', key).update('build inputs').digest(),
  })
  const builds = makeBuilds({
    db,
    clock,
    ids,
    logs: stream,
    builder,
    config: configVars.current,
    isKnown: (id) => apps.has(id),
    setting: (app) => ({
      stackSetting: app.stack === 'container' ? 'container' : undefined,
      buildpacks: buildpacks.list(app.id),
    }),
  })
  const deploys = makeDeploys({
    logs: stream,
    build: builds.run,
    clear: builds.clear,
    releases,
    lastLines: async (appId, release, dyno) =>
      (await stream.read(appId, { release, dyno, source: 'app', lines: 50 })).map((line) => line.text),
    url: (app) => webUrl(app.name),
  })
  const certs = makeCerts({
    db,
    vault,
    clock,
    ids,
    logs: stream,
    folder: home.path('router/certs'),
    apps: apps.all,
    hosts: domains.hosts,
  })
  const drains = makeDrains({ db, vault, clock, ids, stream, isInsideAllowed: config.isInsideAllowed })
  const disk = makeDisk({ engine, clock, instance, ...releases, isDeploying: deploys.isBusy })
  const chores = [
    { what: 'clearing interrupted builds', work: builds.tidy },
    { what: 'clearing release phases', work: releasePhase.tidy },
    { what: 'adopting one-off dynos', work: runs.tidy },
    { what: 'stopping drains', work: drains.stop },
    { what: 'sweeping', work: () => cleanup.sweep(apps.has), isOnDemand: true },
    { what: 'handing certificates to the router', work: certs.sync, isOnDemand: true },
    { what: 'pruning images', work: disk.prune, isOnDemand: true },
  ]
  const keeping = upkeep(chores, { clock, onError })
  const reports = dynoReports({ clock, observe: processes.dynos, runs: runs.list, findRelease: releases.findVersion })
  const spool = routerSpool({
    folder: home.path('router/requests'),
    positionFile: home.path('logs/router-position.json'),
    stream,
    clock,
    isKnown: (appId) => apps.has(appId),
  })

  return {
    instance,
    db,
    vault,
    accounts,
    collaborators,
    keys: makeKeys({ db, clock, ids }),
    pipelines: makePipelines({ db, clock, ids }),
    buildOutput: (appId: string, id: string) => ({
      lines: builds.output(id),
      isOver: builds.find(appId, id).status !== 'pending',
    }),
    async releaseOutput(appId: string, id: string) {
      const release = releases.find(appId, id)
      const isOver = release.status !== 'pending' || release.stage !== 'release_phase'
      const lines = await stream.read(appId, {
        release: release.version,
        dyno: `release.${release.version}`,
        source: 'app',
        lines: 100_000,
      })
      return { lines: lines.map((line) => line.text), isOver }
    },
    routing,
    router,
    sessions: logSessions({ stream, clock, ids }),
    useCases: {
      apps,
      releases,
      configVars,
      domains,
      runs,
      builds,
      buildpacks,
      certs,
      checks,
      drains,
      deploys,
      formation: {
        ...formations,
        dynos: reports.list,
        async stop(
          app: Parameters<typeof formations.stop>[0],
          user: Parameters<typeof formations.stop>[1],
          target: { type: string; ordinal?: number },
        ) {
          if (target.type === 'run') await runs.stop(app, `run.${target.ordinal}`)
          else formations.stop(app, user, target)
        },
      },
    },

    expectPush: builds.prepare,

    /** Finds out what an earlier life left, then keeps everything as wanted until `signal` aborts. */
    async run(signal: AbortSignal): Promise<void> {
      const loops = [processes.run(signal), spool.run(signal), watchEngine(signal), verifyRouter(signal)]
      builds.failInterrupted()
      drains.run(signal)
      await Promise.all([...loops, keeping.run(signal)])
    },
    close() {
      collector.close()
      stream.close()
      db.close()
    },
  }

  /** The engine's events wake the loop; a cut stream is opened again, and what was missed shows in the next look. */
  async function watchEngine(signal: AbortSignal) {
    while (!signal.aborted) {
      await engine.watch({ [LABEL.instance]: instance }, wake, signal).catch(() => {})
      await clock.sleep(1000, signal).catch(() => {})
    }
  }

  async function verifyRouter(signal: AbortSignal) {
    while (!signal.aborted) {
      await routing.verify()
      await clock.sleep(5000, signal).catch(() => {})
    }
  }
}

const isEmpty = (db: Db) => db.prepare<[], number>('SELECT count(*) FROM release_configs').pluck().get() === 0

/** The label value that marks what is ours: made once, kept with the data. */
function instanceOf(db: Db): string {
  const read = db.prepare<[], string>(`SELECT value FROM settings WHERE key = 'instance'`).pluck()
  const found = read.get()
  if (found) return found
  db.prepare(`INSERT INTO settings (key, value) VALUES ('instance', ?)`).run(`d${ids.secret().slice(0, 8)}`)
  return read.get()!
}
