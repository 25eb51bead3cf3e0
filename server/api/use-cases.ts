import type { Duplex } from 'node:stream'
import type { App } from '../apps/app.ts'
import type { Account } from '../accounts/account.ts'
import type { Build } from '../builds/build.ts'
import type { BuildSource } from '../builds/builds.ts'
import type { AcmeStatus } from '../acme/acme.ts'
import type { Cert } from '../certs/certs.ts'
import type { Check } from '../manifest/check.ts'
import type { Job } from '../cron/cron.ts'
import type { Domain } from '../domains/domain.ts'
import type { DiskReport } from '../disk/usage.ts'
import type { Finding } from '../doctor/doctor.ts'
import type { Drain } from '../drains/store.ts'
import type { Dyno, FormationEntry } from '../formation/formation.ts'
import type { RestartReport } from '../formation/restarts.ts'
import type { Failure, ImageSource, Release } from '../releases/release.ts'
import type { Limits, LimitsInput } from '../limits/limits.ts'
import type { Run, RunRequest } from '../runs/run.ts'
import type { PastRun } from '../runs/store.ts'
import type { Setting } from '../settings/settings.ts'
import type { Sleep } from '../sleep/sleep.ts'

/** Who asks: every change is told with its user, in the ledger and in the log. */
export type User = Pick<Account, 'id' | 'email'>

/**
 * What the API and git may do, in the domain's words; main.ts hands the implementations in. Writing verbs return once the change is
 * committed, before its effects are there (the reconciler brings those); `AppError` says what was wrong with the input.
 */
export type UseCases = {
  apps: {
    /** Newest last. All of them for an admin, else those the account owns or works on. */
    list(account: Account): App[]
    /** By name or id. Throws not_found also when it is not the account's. */
    find(account: Account, nameOrId: string): App
    /** Makes the app, its v1 and its repository. A name is made up when none is given. */
    create(user: User, input: { name?: string | undefined; stack?: string | undefined }): App
    update(app: App, changes: { name?: string; maintenance?: boolean; stack?: string }): App
    /** Gives it to another account. */
    transfer(app: App, user: User, to: User): App
    /** Removes containers, images, volumes, logs and the repository too, as soon as may be. */
    destroy(app: App, user: User): Promise<void>
  }
  acme: {
    /** Whether the app's names get certificates by themselves. */
    isOn(app: App): boolean
    /** Says of a host name of the app how its certificate fares. */
    statuses(app: App): (hostname: string) => AcmeStatus
    /** Throws conflict when the platform orders none. */
    enable(app: App, user: User): void
    disable(app: App, user: User): void
    /** Tries what failed again. */
    refresh(app: App): void
  }
  certs: {
    list(appId: string): Cert[]
    /** Host name → the certificate that is shown for it. */
    used(app: App): Map<string, Cert>
    /** By name or id. Throws not_found. */
    find(app: App, nameOrId: string): Cert
    /** The same, if it covers the host name. Throws invalid_params, not_found. */
    findFor(app: App, hostname: string, nameOrId: string): Cert
    /** PEM texts; throws invalid_params. */
    add(app: App, user: User, pem: { certificate_chain?: unknown; private_key?: unknown }): Cert
    update(app: App, user: User, name: string, pem: { certificate_chain?: unknown; private_key?: unknown }): Cert
    remove(app: App, user: User, name: string): Cert
  }
  drains: {
    list(appId: string): Drain[]
    /** By URL, id or token. Throws not_found. */
    find(app: App, urlOrId: string): Drain
    /** Throws invalid_params, conflict. */
    add(app: App, user: User, url: string): Promise<Drain>
    /** Throws not_found, unavailable. */
    test(app: App, user: User, urlOrId: string): Promise<{ drain: Drain; ms: number }>
    remove(app: App, user: User, urlOrId: string): Drain
  }
  checks: {
    /** The app's own, then those that `declared`, its app.json, adds. */
    list(appId: string, declared?: Readonly<Record<string, Check>>): { type: string; check: Check }[]
    /** Times in seconds. Throws invalid_params. */
    set(
      app: App,
      user: User,
      type: string,
      input: { path?: unknown; interval?: unknown; timeout?: unknown; failures?: unknown },
    ): Check
    unset(app: App, user: User, type: string): void
  }
  cron: {
    /** The user's jobs and those of the current release's app.json. */
    list(app: App): Job[]
    find(app: App, id: string): Job
    /** Its runs, newest first. */
    history(app: App, id: string): PastRun[]
    /** Throws invalid_params, conflict. */
    add(app: App, user: User, input: { schedule?: unknown; command?: unknown; overlap?: unknown }): Job
    remove(app: App, user: User, id: string): Job
    /** A one-off dyno with its command, now. */
    runNow(app: App, user: User, id: string): Promise<Run>
  }
  limits: {
    /** Every process type of the app, and `run`. */
    list(app: App): { type: string; limits: Limits; isOwn: boolean }[]
    /** Throws invalid_params. */
    set(app: App, user: User, type: string, input: LimitsInput): Limits
    unset(app: App, user: User, type: string): Limits
  }
  settings: {
    /** Every setting with what is in force for the app. */
    list(appId: string): Setting[]
    /** null = the default again. All or nothing; throws invalid_params. */
    update(app: App, user: User, changes: Record<string, unknown>): Setting[]
  }
  doctor: {
    /** What is not as it should be, and what is: the machine for admins, the apps for whoever may see them. Never throws. */
    findings(account: Account): Promise<Finding[]>
  }
  sleep: {
    find(appId: string): Sleep
    /** `after` in seconds. Throws invalid_params. */
    on(app: App, user: User, after: unknown): Sleep
    /** Throws invalid_params when it is not on. */
    off(app: App, user: User): Sleep
  }
  buildpacks: {
    /** "heroku/nodejs" for one of ours, else an address; in the order they run. */
    list(appId: string): string[]
    /** Throws invalid_params or forbidden; then nothing has changed. */
    set(app: App, user: User, names: readonly string[]): string[]
  }
  releases: {
    list(appId: string): Release[]
    /** By version number or id; throws not_found. */
    find(appId: string, versionOrId: string): Release
    /** The newest that succeeded: what serves. */
    current(appId: string): Release | undefined
    /** Resolves when the release has left `pending`, with its switch cost where one was measured. */
    settled(appId: string, version: number, signal: AbortSignal): Promise<Release>
    /** Default target: the newest succeeded one before the current that still has its image. Throws not_found, invalid_params, conflict. */
    rollback(appId: string, user: User, version: number | undefined): Promise<Release>
    /** A copy of the current release with another description (`releases:retry`). */
    retry(appId: string, user: User, description: string | undefined): Release
    /** The image of any release with this app's config. Throws invalid_params when it is gone. */
    reuse(appId: string, user: User, from: Release, description: string): Promise<Release>
    eligibleForRollback(release: Release): boolean
    /** The process that failed it and what it wrote last. */
    failure(appId: string, version: number): Failure | undefined
  }
  configVars: {
    /** Of the newest release that has not failed. */
    current(appId: string): Record<string, string>
    ofRelease(appId: string, version: number): Record<string, string>
    /** null removes. One release, or none when nothing changes. Throws invalid_params. */
    update(app: App, user: User, changes: Record<string, unknown>): Release
  }
  formation: {
    list(app: App): FormationEntry[]
    /** All or nothing; quantities "3", "+1", "-1" or numbers. Throws invalid_params, not_found. */
    scale(app: App, user: User, updates: readonly { type: string; quantity?: string | number | undefined }[]): FormationEntry[]
    /** Dynos as they are now, one-off ones included. */
    dynos(app: App): Promise<Dyno[]>
    /** New before old. No target = all. Returns the restart's number. */
    restart(app: App, user: User, target?: { type: string; ordinal?: number }): number
    /** How that restart fares. */
    restartReport(appId: string, number: number): RestartReport
    /** Stops one dyno or a type until the next restart, scale or release; for run.N: ends it. */
    stop(app: App, user: User, target: { type: string; ordinal?: number }): Promise<void>
  }
  domains: {
    /** The default one (kind `heroku`) first. */
    list(app: App): Domain[]
    find(app: App, hostnameOrId: string): Domain
    add(app: App, user: User, hostname: string): Domain
    /** Its certificate; for the default one, whether it leads to the app. */
    update(app: App, user: User, hostnameOrId: string, changes: { certId?: string | null; isOn?: boolean }): Domain
    remove(app: App, user: User, hostnameOrId: string): Domain
  }
  runs: {
    /** Starts a one-off dyno; for an attached one, `attach(secret)` gives its streams once. */
    start(app: App, user: User, request: RunRequest): Promise<Run>
    /** The pipe of an attached run, once; undefined for an unknown or used secret. Resolves after the end of the process. */
    attach(secret: string, socket: Duplex): Promise<boolean>
    resize(app: App, name: string, size: { columns: number; rows: number }): Promise<void>
    /** An attached run's client has no more input than `bytes` in all. Throws not_found. */
    endInput(app: App, name: string, bytes: number): void
  }
  builds: {
    /** Newest last. */
    list(appId: string): Build[]
    /** Stops one that is under way, whoever started it. False when it is not. */
    cancel(buildId: string, by: string): boolean
    /** The next build starts from nothing. Throws conflict while one uses the cache. */
    dropCache(app: App, user: User): Promise<void>
  }
  secrets: {
    /** A new key for everything that is sealed, all or nothing. How many values that were. */
    rotate(): number
  }
  disk: { usage(): Promise<DiskReport> }
  stacks: {
    /** The default first; `container` is none of them. */
    names(): string[]
    /** With today's packages, for the next build of every app. Takes minutes. Rejects AppError unavailable. */
    rebuild(name: string): Promise<{ build: string; run: string }>
  }
  deploys: {
    /**
     * Build → release → switch, in the order of arrival per app. `log` gets every line for the pusher. Resolves with the succeeded release;
     * rejects AppError build_failed (build, release phase or proof) and then nothing has changed.
     */
    deploy(
      app: App,
      user: User,
      source: (BuildSource & { description?: string }) | { image: ImageSource; description: string },
      io: { signal: AbortSignal; log: (line: string) => void },
    ): Promise<Release>
  }
}
