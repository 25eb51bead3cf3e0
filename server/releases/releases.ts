import type { Db } from '../../db/open.ts'
import type { SwitchCost } from '../api/wire.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Vault } from '../secrets/vault.ts'
import { imagesOf, type ImageSource, type Release } from './release.ts'
import { releaseStore, type Draft } from './store.ts'

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  vault: Vault
  logs: LogSink
  /** Whether the engine still has an image; asked for rollbacks. */
  hasImage: (image: string) => Promise<boolean>
  /** The last lines that a process of a release wrote itself. */
  lastLines: (appId: string, version: number, dyno: string) => Promise<readonly string[]>
  /** How many releases of an app keep their image. */
  keep: number
  /** Told of each release that is made and of each that comes to its end. */
  onChange?: (release: Release, action: 'create' | 'update') => void
  /** Told after each commit that the reconciler should look again. */
  wake: () => void
}
/** Of a failed process's line, in characters. */
const MAX_LINE = 2_000
type User = Release['user']
type Base = { release: Release | undefined; config: Record<string, string> }

/** The ledger: appends releases and says how they fare. */
export function releases({ db, clock, ids, vault, logs, hasImage, lastLines, keep, onChange = () => {}, wake }: Deps) {
  const store = releaseStore(db, vault)
  const waiters = new Set<() => void>()
  const changed = () => {
    for (const waiter of [...waiters]) waiter()
    wake()
  }
  const tell = (appId: string, text: string) => logs.publish({ appId, source: 'app', dyno: 'api', text })

  /** What the next release starts from: the newest that has not failed, pending ones included, with its config. */
  function base(appId: string): Base {
    const release = store.newest(appId, ['pending', 'succeeded'])
    return { release, config: release ? store.config(appId, release.version) : {} }
  }

  /** One write transaction; the effects come after it. `make` returns undefined when nothing would change. */
  function append(appId: string, make: (base: Base) => Draft | undefined): Release | undefined {
    const release = db
      .transaction(() => {
        const draft = make(base(appId))
        const made = draft && store.append(ids.uuid(), appId, draft, clock.now())
        failpoint('release.committing')
        return made
      })
      .immediate()
    if (!release) return undefined
    failpoint('release.appended')
    onChange(release, 'create')
    tell(appId, `${release.description} by user ${release.user.email}`)
    tell(appId, `Release v${release.version} created by user ${release.user.email}`)
    changed()
    return release
  }

  const hasImages = async ({ source }: Release) => (await Promise.all(imagesOf(source!).map(hasImage))).every(Boolean)

  async function target(appId: string, version: number | undefined): Promise<Release> {
    const current = store.newest(appId, ['succeeded'])
    if (version !== undefined) return named(appId, version, current)
    const older = store.list(appId).filter((r) => r.status === 'succeeded' && r.source && r.version < (current?.version ?? 0))
    for (const release of older.reverse()) if (await hasImages(release)) return release
    throw invalid('There is no earlier release to roll back to. `dozen releases` lists them.')
  }

  async function named(appId: string, version: number, current: Release | undefined): Promise<Release> {
    const found = store.find(appId, version)
    if (!found) throw notFound('release')
    if (found.version === current?.version) throw new AppError('conflict', `v${version} is already the current release.`)
    if (found.status !== 'succeeded' || !found.source) {
      throw invalid(
        `v${version} never ran (${found.status}), so it cannot be rolled back to. \`dozen releases\` lists those that did.`,
      )
    }
    if (!(await hasImages(found))) {
      throw invalid(
        `The image of v${version} is gone. Push its commit again, or roll back to another release: the last ${keep} keep their images (DOZEN_KEEP_RELEASES).`,
      )
    }
    return found
  }

  const copy = (release: Release, draft: Pick<Draft, 'cause' | 'description' | 'user'>): Draft => ({
    ...draft,
    source: release.source,
    config: store.config(release.appId, release.version),
  })

  function settle(
    release: Release,
    status: Exclude<Release['status'], 'pending'>,
    { reason = null as string | null, done = true } = {},
  ) {
    store.update(release, { status, reason, stage: done ? 'done' : 'rollout', at: clock.now() })
    onChange({ ...release, status, reason }, 'update')
    if (status === 'failed') tell(release.appId, `Release v${release.version} failed: ${reason}`)
    changed()
  }

  return {
    list: store.list,
    open: store.open,
    newest: store.newest,
    config: store.config,
    findVersion: store.find,
    current: (appId: string) => store.newest(appId, ['succeeded']),
    /** The current one when it runs and no other is on its way. */
    settledCurrent(appId: string): Release | undefined {
      const newest = store.newest(appId, ['pending', 'succeeded'])
      return newest?.status === 'succeeded' && newest.stage === 'done' && newest.source ? newest : undefined
    },
    /** The config that a process started now would get: of the newest release that has not failed. */
    currentConfig: (appId: string) => base(appId).config,
    find(appId: string, versionOrId: string): Release {
      const version = /^v?(\d{1,9})$/.exec(versionOrId)?.[1]
      const found = version ? store.find(appId, Number(version)) : store.findById(appId, versionOrId)
      if (!found) throw notFound('release')
      return found
    },
    eligibleForRollback: ({ appId, status, source }: Release) =>
      status === 'succeeded' &&
      source !== undefined &&
      imagesOf(source).every((image) => store.keptImages(keep, appId).has(image)),
    /** Images that must not go: of the newest releases of each app that ran, and of those to come. */
    keptImages: () => store.keptImages(keep),
    releasedImages: store.releasedImages,

    /** v1, inside the caller's transaction: it comes with the app. */
    initial: (appId: string, user: User) =>
      store.append(
        ids.uuid(),
        appId,
        { cause: 'initial', description: 'Initial release', user, source: undefined, config: {} },
        clock.now(),
      ),

    /** `defaults` are set where the app has no config var of that name. */
    deploy: (
      appId: string,
      user: User,
      source: ImageSource,
      description: string,
      defaults: Readonly<Record<string, string>> = {},
    ): Release =>
      append(appId, ({ config }) => ({ cause: 'deploy', description, user, source, config: { ...defaults, ...config } }))!,

    /** `change` gives the new whole config, or undefined for none. */
    configure: (
      appId: string,
      user: User,
      change: (config: Record<string, string>) => { config: Record<string, string>; description: string } | undefined,
    ): Release | undefined =>
      append(appId, ({ release, config }) => {
        const next = change(config)
        return next && { cause: 'config', user, source: release?.source, ...next }
      }),

    /** Appends a copy of an older release: its image and its config. */
    async rollback(appId: string, user: User, version: number | undefined): Promise<Release> {
      const to = await target(appId, version)
      return append(appId, () => copy(to, { cause: 'rollback', description: `Rollback to v${to.version}`, user }))!
    },

    /** The platform's own: `broken` crashes, the one before it comes back. undefined when that was tried or somebody released since. */
    revert(broken: Release, to: Release, why: string): Release | undefined {
      const tried = store.list(broken.appId).some((r) => r.version > broken.version && r.cause === 'automatic_rollback')
      const release = append(broken.appId, (at) =>
        !tried && at.release?.version === broken.version
          ? copy(to, { cause: 'automatic_rollback', description: `Rollback to v${to.version} (${why})`, user: broken.user })
          : undefined,
      )
      if (release)
        logs.publish({
          appId: broken.appId,
          source: 'dozen',
          dyno: 'releases',
          text: `Rolled back v${broken.version} to v${to.version}: ${why}`,
        })
      return release
    },

    /** The image of another release, this app's or not, with this app's own config. Throws invalid_params when the image is gone. */
    async reuse(appId: string, user: User, from: Release, description: string): Promise<Release> {
      const { source } = from
      if (!source || !(await hasImages(from))) throw invalid(`The image of that slug is gone: push its commit again.`)
      return append(appId, ({ config }) => ({ cause: 'deploy', description, user, source, config }))!
    },

    retry(appId: string, user: User, description: string | undefined): Release {
      const current = base(appId).release
      if (!current?.source) throw invalid('Nothing is deployed yet, so there is nothing to retry: `git push dozen main` first.')
      return append(appId, () =>
        copy(current, { cause: 'retry', description: description ?? `Retry of v${current.version}`, user }),
      )!
    },

    update(release: Pick<Release, 'appId' | 'version'>, change: { stage?: Release['stage']; cost?: SwitchCost }) {
      store.update(release, change)
      changed()
    },

    /** Pending → its end. `done` = nothing is left to clean up or to measure. */
    settle,

    /** Pending → failed, because of `dyno`: what it wrote last is kept with the release. Does nothing when it is settled already. */
    async fail(release: Release, dyno: string, reason: string): Promise<void> {
      const lines = await lastLines(release.appId, release.version, dyno).catch(() => [])
      if (store.find(release.appId, release.version)?.status !== 'pending') return
      store.keepFailure(release, { dyno, lines: lines.map((line) => line.slice(0, MAX_LINE)) })
      settle(release, 'failed', { reason })
    },
    failure: store.failure,

    /** Resolves when the release has left `pending` and its switch has been measured. Rejects with the signal's reason. */
    settled(appId: string, version: number, signal: AbortSignal): Promise<Release> {
      return new Promise((resolve, reject) => {
        const finish = (act: () => void) => {
          waiters.delete(check)
          signal.removeEventListener('abort', aborted)
          act()
        }
        const aborted = () => finish(() => reject(signal.reason as Error))
        const check = () => {
          const release = store.find(appId, version)
          if (!release) finish(() => reject(notFound('app')))
          else if (release.status !== 'pending' && release.stage === 'done') finish(() => resolve(release))
        }
        if (signal.aborted) return aborted()
        signal.addEventListener('abort', aborted, { once: true })
        waiters.add(check)
        check()
      })
    },
  }
}

export type Releases = ReturnType<typeof releases>
