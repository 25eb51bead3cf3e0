import type { Readable } from 'node:stream'
import type { App } from '../apps/app.ts'
import type { Build } from '../builds/build.ts'
import type { Clock } from '../clock.ts'
import { AppError, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { Release } from '../releases/release.ts'
import type { UseCases, User } from './use-cases.ts'

const MAX_JOBS = 200
const MAX_LINES = 100_000

type Job = { build: Build; lines: string[]; isOver: boolean; stop: AbortController }
export type Target = {
  id: string
  app: App
  status: 'pending' | 'succeeded' | 'failed'
  release: Release | null
  error: string | null
}
export type Promotion = { id: string; pipelineId: string; source: App; release: Release; targets: Target[]; at: Date }

type Deps = {
  deploys: UseCases['deploys']
  clock: Clock
  ids: Ids
  onError: (what: string, cause: unknown) => void
  /** Builds of one app that are not over. */
  maxPerApp: number
}

/** Deploys that a request starts and does not wait for: it answers at once, and clients look again (60 s limit of the official CLI). */
export function jobs({ deploys, clock, ids, onError, maxPerApp }: Deps) {
  const builds = new Map<string, Job>()
  const promotions = new Map<string, Promotion>()
  /** The oldest go that are over. */
  function bound<T>(map: Map<string, T>, isOver: (one: T) => boolean) {
    for (const [id, one] of map) if (map.size > MAX_JOBS && isOver(one)) map.delete(id)
  }
  const told = (what: string, cause: unknown): string => {
    if (cause instanceof AppError) return cause.message
    onError(what, cause)
    return 'Internal error: see the log of dozen.'
  }

  return {
    /** Builds and releases an uploaded tree; its record has the id that is answered here. Throws rate_limit when too many of the app wait. */
    build(app: App, user: User, source: ({ tar: Readable } | { ref: string }) & { version: string }): Build {
      if ([...builds.values()].filter(({ build, isOver }) => build.appId === app.id && !isOver).length >= maxPerApp)
        throw new AppError(
          'rate_limit',
          `${maxPerApp} builds of ${app.name} wait or are under way, which is the most here (DOZEN_MAX_BUILDS): wait for one, or cancel it with \`dozen builds:cancel\`.`,
        )
      const at = clock.now()
      const id = ids.uuid()
      const commit = source.version
      const from =
        'ref' in source ? { ref: source.ref, description: `Deploy ${source.ref}` } : { tar: source.tar, isUpload: true }
      const build: Build = {
        id,
        appId: app.id,
        number: 0,
        user,
        status: 'pending',
        commit,
        stackImage: null,
        reason: null,
        createdAt: at,
        updatedAt: at,
      }
      const job: Job = { build, lines: [], isOver: false, stop: new AbortController() }
      builds.set(id, job)
      bound(builds, ({ isOver }) => isOver)
      const log = (line: string) => void (job.lines.length < MAX_LINES && job.lines.push(line))
      deploys
        .deploy(app, user, { ...from, commit, buildId: id }, { signal: job.stop.signal, log })
        .catch((cause: unknown) => {
          const reason = job.stop.signal.aborted ? 'The build was canceled.' : told(`a build of ${app.name}`, cause)
          log(` !     ${reason}`)
          job.build = { ...job.build, status: 'failed', reason, updatedAt: clock.now() }
        })
        .finally(() => {
          job.isOver = true
          if ('tar' in source) source.tar.destroy()
        })
      return build
    },
    /** For the time before the build's own record exists: it may wait for its turn. */
    find: (appId: string, id: string): Build | undefined => {
      const found = builds.get(id)?.build
      return found?.appId === appId ? found : undefined
    },
    output: (id: string) => builds.get(id),
    /** Throws not_found for what is not under way. */
    cancel(id: string): void {
      const job = builds.get(id)
      if (!job || job.isOver)
        throw new AppError(
          'conflict',
          'This build is over: only one that is under way can be stopped. `dozen rollback` brings the release before back.',
        )
      job.stop.abort(new AppError('build_failed', 'The build was canceled.'))
    },

    /** The same image on other apps, each with its own config. */
    promote(
      user: User,
      { pipelineId, source, release, apps }: { pipelineId: string; source: App; release: Release; apps: readonly App[] },
    ): Promotion {
      const targets = apps.map((app): Target => ({ id: ids.uuid(), app, status: 'pending', release: null, error: null }))
      const promotion: Promotion = { id: ids.uuid(), pipelineId, source, release, targets, at: clock.now() }
      promotions.set(promotion.id, promotion)
      bound(promotions, (one) => one.targets.every(({ status }) => status !== 'pending'))
      const description = `Promote ${source.name} v${release.version} ${(release.source!.commit ?? '').slice(0, 8)}`.trim()
      for (const target of targets) {
        deploys
          .deploy(
            target.app,
            user,
            { image: release.source!, description },
            { signal: new AbortController().signal, log: () => {} },
          )
          .then(
            (made) => Object.assign(target, { status: 'succeeded', release: made }),
            (cause: unknown) =>
              Object.assign(target, { status: 'failed', error: told(`a promotion to ${target.app.name}`, cause) }),
          )
      }
      return promotion
    },
    promotion(id: string): Promotion {
      const found = promotions.get(id)
      if (!found) throw notFound('pipeline promotion')
      return found
    },
  }
}
export type Jobs = ReturnType<typeof jobs>
