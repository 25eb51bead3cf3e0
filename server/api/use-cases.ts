import type { Duplex, Readable } from 'node:stream'
import type { App } from '../apps/app.ts'
import type { Account } from '../accounts/account.ts'
import type { Build } from '../builds/build.ts'
import type { Cert } from '../certs/certs.ts'
import type { Check } from '../checks/checks.ts'
import type { Domain } from '../domains/domain.ts'
import type { Drain } from '../drains/store.ts'
import type { Dyno, FormationEntry } from '../formation/formation.ts'
import type { ImageSource, Release } from '../releases/release.ts'
import type { Run, RunRequest } from '../runs/run.ts'

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
  certs: {
    list(appId: string): Cert[]
    /** By name or id. Throws not_found. */
    find(app: App, nameOrId: string): Cert
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
    add(app: App, user: User, url: string): Drain
    remove(app: App, user: User, urlOrId: string): Drain
  }
  checks: {
    list(appId: string): { type: string; check: Check }[]
    /** Times in seconds. Throws invalid_params. */
    set(
      app: App,
      user: User,
      type: string,
      input: { path: string; interval?: number; timeout?: number; failures?: number },
    ): Check
    unset(app: App, user: User, type: string): void
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
    eligibleForRollback(release: Release): boolean
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
    /** New before old. No target = all. */
    restart(app: App, user: User, target?: { type: string; ordinal?: number }): void
    /** Stops one dyno or a type until the next restart, scale or release; for run.N: ends it. */
    stop(app: App, user: User, target: { type: string; ordinal?: number }): Promise<void>
  }
  domains: {
    /** The default one (kind `heroku`) first. */
    list(app: App): Domain[]
    find(app: App, hostnameOrId: string): Domain
    add(app: App, user: User, hostname: string): Domain
    remove(app: App, user: User, hostnameOrId: string): Domain
  }
  runs: {
    /** Starts a one-off dyno; for an attached one, `attach(secret)` gives its streams once. */
    start(app: App, user: User, request: RunRequest): Promise<Run>
    /** The pipe of an attached run, once; undefined for an unknown or used secret. Resolves after the end of the process. */
    attach(secret: string, socket: Duplex): Promise<boolean>
    resize(app: App, name: string, size: { columns: number; rows: number }): Promise<void>
  }
  builds: {
    /** Newest last. */
    list(appId: string): Build[]
  }
  deploys: {
    /**
     * Build → release → switch, in the order of arrival per app. `log` gets every line for the pusher. Resolves with the succeeded release;
     * rejects AppError build_failed (build, release phase or proof) and then nothing has changed.
     */
    deploy(
      app: App,
      user: User,
      source:
        { tar: Readable; commit: string; description?: string; buildId?: string } | { image: ImageSource; description: string },
      io: { signal: AbortSignal; log: (line: string) => void },
    ): Promise<Release>
  }
}
