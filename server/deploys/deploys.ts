import type { SwitchCost } from '../api/wire.ts'
import type { App } from '../apps/app.ts'
import { AppError } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { LogSink } from '../logs/line.ts'
import type { BuildSource, BuiltSource, Queued } from '../builds/builds.ts'
import type { Failure, ImageSource, Release } from '../releases/release.ts'
import { queue } from './queue.ts'

type User = Release['user']
type Io = { signal: AbortSignal; log: (line: string) => void }
/** `buildId`: what the build's record will be called, for who must know before its turn. */
type Source = (BuildSource & { description?: string }) | { image: ImageSource; description: string }

type Image = { image: ImageSource; configDefaults: Readonly<Record<string, string>>; description?: string }

type Deps = {
  logs: LogSink
  builds: {
    /** Makes the build's record, before its turn. */
    enqueue: (app: App, user: User, source: BuildSource) => Queued
    /** Builds and keeps what came of it; rejects AppError build_failed. */
    run: (queued: Queued, input: { app: App; user: User; source: BuildSource }, io: Io) => Promise<BuiltSource>
    /** Clears away what the build left running. */
    clear: (buildId: string | null) => Promise<void>
  }
  releases: {
    deploy(
      appId: string,
      user: User,
      source: ImageSource,
      description: string,
      configDefaults?: Readonly<Record<string, string>>,
    ): Release
    settled(appId: string, version: number, signal: AbortSignal): Promise<Release>
    newest(appId: string, statuses: readonly Release['status'][]): Release | undefined
    current(appId: string): Release | undefined
    failure(appId: string, version: number): Failure | undefined
  }
  url: (app: App) => string
}

const WAITING = '-----> Another deploy of this app is under way: waiting for it to end...'

/** The whole way of a push: build → release → switch. */
export function deploys({ logs, builds, releases, url }: Deps) {
  const turns = queue()

  type Deploy = { app: App; user: User; source: Source; queued: Queued | undefined }

  async function through({ app, user, source, queued }: Deploy, io: Io): Promise<Release> {
    const { configDefaults, ...image } =
      'image' in source ? { ...source.image, configDefaults: {} } : await builds.run(queued!, { app, user, source }, io)
    const description = source.description
    try {
      io.signal.throwIfAborted()
      return await released(app, user, { image, configDefaults, ...(description !== undefined && { description }) }, io)
    } finally {
      await builds.clear(image.buildId)
    }
  }

  async function released(app: App, user: User, built: Image, io: Io): Promise<Release> {
    failpoint('deploy.built')
    const { image, configDefaults, description = `Deploy ${(image.commit ?? '').slice(0, 8)}` } = built
    const release = releases.deploy(app.id, user, image, description, configDefaults)
    io.log(`-----> Releasing v${release.version}...`)
    const before = releases.current(app.id)
    // From here on the release happens whoever listens: a client that goes away changes nothing.
    const settled = await releases.settled(app.id, release.version, new AbortController().signal)
    return settled.status === 'expired' ? overtaken(app, settled, io) : verdict(app, settled, before, io)
  }

  /** A config change overtook the release: it carries this image too, so its end is the end of this deploy. */
  async function overtaken(app: App, release: Release, io: Io): Promise<Release> {
    const newer = releases.newest(app.id, ['pending', 'succeeded', 'failed'])
    if (!newer || newer.version <= release.version) throw failed(release)
    io.log(`       v${release.version} was overtaken by v${newer.version} (${newer.description}), which carries it.`)
    const settled = await releases.settled(app.id, newer.version, new AbortController().signal)
    return settled.status === 'expired' ? overtaken(app, settled, io) : verdict(app, settled, undefined, io)
  }

  async function verdict(app: App, release: Release, before: Release | undefined, { log }: Io): Promise<Release> {
    if (release.status === 'succeeded') {
      log(`       Released v${release.version}`)
      if (release.cost) log(`       ${costText(release.cost)}`)
      log(`       ${url(app)} deployed to dozen`)
      return release
    }
    const { dyno, lines } = releases.failure(app.id, release.version) ?? { dyno: '', lines: [] }
    if (lines.length > 0) log(` !     The last lines of ${dyno}:`)
    for (const line of lines) log(`       ${line}`)
    const serving = before?.source ? ` v${before.version} serves on, untouched.` : ''
    throw failed(release, serving)
  }

  const failed = (release: Release, more = '') =>
    new AppError('build_failed', `v${release.version} failed: ${release.reason ?? 'it was overtaken.'}${more}`)

  return {
    isBusy: turns.isBusy,
    deploy(app: App, user: User, source: Source, { signal, log }: Io): Promise<Release> {
      const both = (line: string) => {
        log(line)
        logs.publish({ appId: app.id, source: 'app', dyno: 'build', text: line })
      }
      const queued = 'image' in source ? undefined : builds.enqueue(app, user, source)
      const either = queued ? AbortSignal.any([signal, queued.signal]) : signal
      if (turns.isBusy(app.id)) [both, queued?.log].forEach((say) => say?.(WAITING))
      const done = turns.run(app.id, either, () => through({ app, user, source, queued }, { signal: either, log: both }))
      void done.then(
        () => queued?.end(undefined),
        (cause: unknown) => queued?.end(cause),
      ) // without a build, too, this rejection is handled
      return done
    },
  }
}

/** "Switch: 120 requests served meanwhile, 0 failed, longest wait 12 ms, 3 drained, 0 cut" */
const costText = ({ served, failed, longestWaitMs, drained, cut }: SwitchCost) =>
  `Switch: ${served} requests served meanwhile, ${failed} failed, longest wait ${Math.round(longestWaitMs)} ms, ${drained} drained, ${cut} cut`
