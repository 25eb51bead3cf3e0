import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDb } from '../../db/open.ts'
import { accounts as makeAccounts } from '../../server/accounts/accounts.ts'
import { collaborators as makeCollaborators } from '../../server/accounts/collaborators.ts'
import { keys } from '../../server/accounts/keys.ts'
import { apps as makeApps } from '../../server/apps/apps.ts'
import { systemClock as clock } from '../../server/clock.ts'
import { buildpacks as makeBuildpacks } from '../../server/buildpacks/buildpacks.ts'
import { drains as makeDrains } from '../../server/drains/drains.ts'
import { certs as makeCerts } from '../../server/certs/certs.ts'
import { checks as makeChecks } from '../../server/checks/checks.ts'
import { cron as makeCron } from '../../server/cron/cron.ts'
import { limits as makeLimits } from '../../server/limits/limits.ts'
import { settings as makeSettings } from '../../server/settings/settings.ts'
import { sleep } from '../../server/sleep/sleep.ts'
import { configVars as makeConfigVars } from '../../server/config-vars/config-vars.ts'
import type { Build } from '../../server/builds/build.ts'
import type { Dyno } from '../../server/formation/formation.ts'
import type { App } from '../../server/apps/app.ts'
import { events as makeEvents } from '../../server/events/events.ts'
import { webhooks as makeWebhooks } from '../../server/webhooks/webhooks.ts'
import { domains as makeDomains } from '../../server/domains/domains.ts'
import { formations } from '../../server/formation/formations.ts'
import { systemIds as ids } from '../../server/ids.ts'
import { transfers } from '../../server/apps/transfers.ts'
import { metrics } from '../../server/metrics/metrics.ts'
import { pipelines } from '../../server/pipelines/pipelines.ts'
import { releases as makeReleases } from '../../server/releases/releases.ts'
import { vault as makeVault } from '../../server/secrets/vault.ts'
import { api, type ApiDeps } from '../../server/api/api.ts'
import { attempts } from '../../server/api/attempts.ts'
import { jobs as makeJobs } from '../../server/api/jobs.ts'
import { slugs } from '../../server/api/slugs.ts'
import { sources } from '../../server/api/sources.ts'
import { streams } from '../../server/api/streams.ts'

const NO_COUNTS = { since: '2026-01-01T00:00:00.000Z', durationsMs: [], apps: {}, inflight: {}, connections: 0, memoryBytes: 0 }

/** The real rooms on SQLite; only what would need the engine (deploys, runs, dynos) is played. `dynos` is filled by the test. */
function rooms(folder: string, isInsideAllowed: boolean) {
  const lines: string[] = []
  const dynos: Dyno[] = []
  const built: Build[] = []
  const faults: unknown[] = []
  const db = openDb(':memory:')
  const vault = makeVault(randomBytes(32))
  const logs = { publish: ({ text }: { text: string }) => void lines.push(text) }
  const wake = () => {}
  const accounts = makeAccounts({ db, clock, ids })
  const collaborators = makeCollaborators({ db, clock, ids, findAccount: accounts.findByEmailOrId })
  const releases = makeReleases({
    db,
    clock,
    ids,
    vault,
    logs,
    hasImage: async () => true,
    lastLines: async () => [],
    keep: 10,
    wake,
  })
  const apps = makeApps({
    db, clock, ids, wake, prepare: () => {}, clean: async () => {}, initialRelease: (appId, user) => void releases.initial(appId, user),
    mayUse: (account, app) => collaborators.permissions(account, app).length > 0,
  }) // prettier-ignore
  const deploys: ApiDeps['useCases']['deploys'] = {
    async deploy(app, user, source, io) {
      const sent = 'tar' in source ? (await source.tar.toArray()).length : 0
      io.log(`built ${sent > 0 ? 'something' : 'nothing'}`)
      const image = {
        image: 'sha256:1',
        imageKind: 'buildpack' as const,
        port: null,
        processTypes: { web: 'node .' },
        commit: null,
      }
      const buildId = 'buildId' in source ? (source.buildId ?? null) : null
      if (buildId !== null) built.push(buildOf(app, user, buildId))
      const made = releases.deploy(app.id, user, { ...image, buildId }, 'Deploy 1')
      releases.settle(made, 'succeeded', {})
      return releases.findVersion(app.id, made.version)!
    },
  }
  const formation = formations({
    db,
    clock,
    ids,
    logs,
    newest: (id) => releases.newest(id, ['pending', 'succeeded']),
    current: releases.current,
    wake,
  })
  const useCases = {
    stacks: { names: () => ['heroku-22'], rebuild: async () => ({ build: 'sha256:b', run: 'sha256:r' }) },
    apps, releases, deploys, configVars: makeConfigVars({ releases }), builds: { list: (appId: string) => built.filter((build) => build.appId === appId), cancel: () => true, dropCache: async () => {} },
    domains: makeDomains({ db, clock, ids, logs, baseDomain: 'localhost', apiHost: '127.0.0.1', nameOf: () => undefined, wake }),
    acme: { isOn: () => false, statuses: () => () => ({ status: 'failing', reason: 'Refused by ca.test: no.', nextAt: null }), enable: wake, disable: wake, refresh: wake },
    formation: { ...formation, dynos: async () => dynos, restartReport: (_: string, number: number) => ({ number, status: 'succeeded', reason: null, cost: null, failure: null }) },
    checks: makeChecks({ db, logs, wake }),
    cron: makeCron({
      db, clock, logs, apps: apps.all, current: releases.current, onError: () => {},
      runs: { start: async () => ({ name: 'run.9', version: 2, command: 'ls' }) as never, ofJob: () => [] },
    }),
    secrets: { rotate: () => 3 },
    disk: { usage: async () => ({ items: [{ name: 'shop', bytes: 5, reclaimable: 0, parts: { images: 5 } }], free: 1, reserve: 1 }) },
    sleep: sleep({ db, clock, logs, wake: () => {} }),
    settings: makeSettings({ db, logs, wake: () => {} }),
    doctor: { findings: async () => [{ check: 'engine', app: null, ok: true, found: 'Docker 1', hint: null }] },
    limits: makeLimits({ db, logs, defaults: { memoryBytes: 2 ** 31 }, types: () => ['web'], restart: formation.restart }),
    certs: makeCerts({ db, vault, clock, ids, logs, folder: join(folder, 'certs'), apps: apps.all, domains: (app) => useCases.domains.list(app), wake }),
    drains: makeDrains({ db, vault, clock, ids, stream: { ...logs, head: () => 0, forwards: () => [] }, isInsideAllowed }),
    buildpacks: makeBuildpacks({ db, logs, mayUseHost: () => false }),
    runs: {
      start: async () => ({ id: ids.uuid(), name: 'run.1', number: 1, version: 2, command: 'ls', state: 'starting', exitCode: null, secret: 's', createdAt: clock.now(), updatedAt: clock.now() }),
      attach: async () => true, resize: async () => {}, endInput: () => {},
    },
  } as unknown as ApiDeps['useCases'] // prettier-ignore
  const events = makeEvents({ db, clock, ids, onRecord: (event) => webhooks.enqueue(event) })
  const webhooks = makeWebhooks({ db, vault, clock, ids, findEvent: events.find, isInsideAllowed: false, onError: () => {} })
  const jobs = makeJobs({ deploys, clock, ids, onError: () => {}, maxPerApp: 100 })
  const uploads = sources({ folder: join(folder, 'sources'), maxBytes: 1024 * 1024, maxPerUser: 100, clock, ids })
  const deps: ApiDeps = {
    useCases, accounts, collaborators, events, webhooks, keys: keys({ db, clock, ids }), metrics: metrics({ router: { counts: async () => NO_COUNTS } }), pipelines: pipelines({ db, clock, ids }), transfers: transfers({ db, clock, ids }), jobs, db, vault, clock, ids,
    attempts: attempts({ clock, perMinute: 100_000 }), limits: { requestsPerMinute: 100_000, bodyBytes: 1024 * 1024, bodyMs: 5000 },
    streams: streams({ clock, jobs, buildOutput: () => ({ lines: [], isOver: true }), releaseOutput: async () => ({ lines: [], isOver: true }) }),
    sources: uploads, slugs: slugs({ sources: uploads, deploys, clock, ids }),
    history: { between: async () => ({ added: [{ id: '1'.repeat(40), title: 'A change' }], removed: [] }) },
    logSessions: { create: () => ({ id: ids.uuid(), secret: 's' }) }, serveLogs: async () => {}, git: (_req, _res, next) => next(),
    hostNames: () => ['127.0.0.1', 'localhost'], webUrl: (app) => `http://${app.name}.localhost/`, instance: 'i', log: (_id, cause) => void faults.push(cause),
  } // prettier-ignore
  return { deps, accounts, releases, db, faults, lines, dynos }
}

const buildOf = (app: App, user: Build['user'], id: string): Build => ({
  id,
  appId: app.id,
  number: 1,
  user: { id: user.id, email: user.email },
  status: 'succeeded',
  commit: '1a2b3c4d',
  stackImage: null,
  reason: null,
  buildpacks: ['heroku/nodejs'],
  createdAt: clock.now(),
  updatedAt: clock.now(),
})

/** Accounts of every kind, each with its token. */
function people({ accounts, db }: ReturnType<typeof rooms>) {
  accounts.admin()
  const owner = accounts.create({ email: 'owner@example.com' })
  const expired = accounts.createToken(owner.account.id, { expiresIn: 60 })
  db.prepare('UPDATE tokens SET expires_at = ? WHERE id = ?').run('2020-01-01T00:00:00Z', expired.token.id)
  return {
    owner: owner.secret,
    foreign: accounts.create({ email: 'foreign@example.com' }).secret,
    bob: accounts.create({ email: 'bob@example.com' }).secret,
    expired: expired.secret,
    reader: accounts.createToken(owner.account.id, { scope: ['read'] }).secret,
    admin: accounts.createToken(accounts.admin().id, {}).secret,
  }
}

export type CallOptions = { token?: string; headers?: Record<string, string>; raw?: Buffer | string | undefined }
export type ApiWorld = Awaited<ReturnType<typeof apiWorld>>

/** The API on a loopback port, with an app `shop` of `owner`; close it. */
export async function apiWorld({ isInsideAllowed = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-api-'))
  const inside = rooms(folder, isInsideAllowed)
  const tokens = people(inside)
  const server = createServer({ keepAliveTimeout: 600_000 }, api(inside.deps)).listen(0, '127.0.0.1') // a busy machine would meet one that is just closed
  await new Promise((resolve) => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  /** One call; the owner's unless another token is given. */
  async function call(
    method: string,
    path: string,
    body?: unknown,
    { token = tokens.owner, headers = {}, raw }: CallOptions = {},
  ) {
    const answer = await fetch(url + path, {
      method,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(raw !== undefined ? { body: raw } : body !== undefined && { body: JSON.stringify(body) }),
    }) // prettier-ignore
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : undefined) as any } // eslint-disable-line @typescript-eslint/no-explicit-any
  }

  await call('POST', '/apps', { name: 'shop' })
  const close = () => {
    server.close()
    server.closeAllConnections()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...inside, url, tokens, call, close }
}
