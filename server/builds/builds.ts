import type { Readable } from 'node:stream'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { EngineError } from '../engine/port.ts'
import { AppError, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { ImageSource } from '../releases/release.ts'
import type { Build } from './build.ts'
import type { builder } from './builder.ts'
import type { BuildInput, Built, Facts, Io } from './built.ts'
import { masked } from './masked.ts'
import { slots } from './slots.ts'
import type { Setting } from './source.ts'
import { buildStore } from './store.ts'

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  logs: LogSink
  builder: ReturnType<typeof builder>
  /** How many builds run at a time, over all apps. */
  atOnce: number
  config: (appId: string) => Record<string, string>
  isKnown: (appId: string) => boolean
  /** Told of each build that begins and of each that ends. */
  onChange?: (build: Build, action: 'create' | 'update') => void
  /** The app's own buildpacks and stack, when it has set some. */
  setting?: (app: App) => Setting
}

/** What a build is made of: a tree, or an image that is there already. */
export type BuildSource = { commit: string; buildId?: string | undefined } & (
  { tar: Readable; isUpload?: boolean; isSlug?: boolean } | { ref: string }
)

/** A build that has a record and waits for its turn. */
export type Queued = {
  id: string
  /** Aborts when somebody stops the build. */
  signal: AbortSignal
  /** A line for its record. */
  log: (line: string) => void
  /** It is over: settles the record of one that never ran. */
  end: (cause: unknown) => void
}
export type BuiltSource = ImageSource & { configDefaults: Readonly<Record<string, string>> }

/** Pushes come in series: what the next one needs gets ready once this one's switch is through, and waits a little while. */
const READY_AFTER_MS = 3_500
const READY_MS = 12_000

/** Builds as records: who, what, how it ended, and what it printed. */
export function builds({
  db,
  clock,
  ids,
  logs,
  builder,
  atOnce,
  config,
  isKnown,
  onChange = () => {},
  setting = () => ({}),
}: Deps) {
  const store = buildStore(db)
  const places = slots(atOnce)
  /** Builds that wait or are under way, whoever asked for them. */
  const running = new Map<string, AbortController>()
  const tell = (appId: string, text: string) => logs.publish({ appId, source: 'app', dyno: 'api', text })

  /** Keeps the output in batches: a write per line would cost more than the build. */
  function recorder(id: string) {
    let pending: string[] = []
    let written = 0
    const flush = () => {
      if (pending.length > 0) store.addLines(id, written, pending)
      written += pending.length
      pending = []
    }
    return { flush, add: (line: string) => void (pending.push(line) >= 200 && flush()) }
  }

  function settle(
    app: App,
    id: string,
    cause: unknown,
    { isCanceled, facts }: { isCanceled: boolean; facts?: Facts | undefined },
  ) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    if (!store.settle(id, { status: isCanceled ? 'canceled' : 'failed', reason, facts, at: clock.now() })) return
    ended(app.id, id)
    tell(app.id, 'Build failed')
  }
  const ended = (appId: string, id: string) => {
    const build = store.find(appId, id)
    if (build) onChange(build, 'update')
  }

  /** Waits for a place, builds, and keeps what came of it. */
  async function made(input: BuildInput, io: Io): Promise<Built> {
    if (places.isFull()) io.log(`-----> ${atOnce} builds are under way (DOZEN_BUILDS_AT_ONCE): waiting for one to end...`)
    return places.run(io.signal, () => builder.build(input, io))
  }

  function remember(app: App, id: string, built: Built): BuiltSource {
    store.succeed(id, built, clock.now())
    ended(app.id, id)
    tell(app.id, 'Build succeeded')
    void clock.sleep(READY_AFTER_MS).then(() => isKnown(app.id) && builder.prepare(app.id, READY_MS))
    const { image, images = {}, imageKind, port, processTypes, manifest = {}, configDefaults = {} } = built
    return { image, images, imageKind, port, processTypes, manifest, buildId: id, commit: null, configDefaults }
  }

  return {
    list: store.list,
    find(appId: string, id: string): Build {
      const found = store.find(appId, id)
      if (!found) throw notFound('build')
      return found
    },
    output: (id: string) => store.lines(id),
    prepare: (appId: string) => builder.prepare(appId),

    /** After a restart of the controller: what was under way is over. */
    failInterrupted: () => store.failPending('The controller was restarted in the middle of the build. Push again.', clock.now()),
    /** What a build left running for speed is gone when this resolves. */
    clear: (buildId: string | null) => (buildId === null ? Promise.resolve() : builder.clear(buildId)),
    tidy: builder.removeLeftovers,

    /** Stops a build that waits or is under way, a push's too: its `run` rejects with this reason. False when there is none of that id. */
    cancel(buildId: string, by: string): boolean {
      running.get(buildId)?.abort(new AppError('build_failed', `The build was canceled by ${by}.`))
      return running.has(buildId)
    },

    /** The next build starts from nothing. Throws conflict while one uses the cache. */
    async dropCache(app: App, user: Build['user']): Promise<void> {
      const busy = (cause?: unknown) =>
        new AppError('conflict', `A build of ${app.name} uses the cache. Try again when it is through.`, { cause })
      if (store.list(app.id).some(({ status }) => status === 'pending')) throw busy()
      await builder.dropCache(app.id).catch((cause: unknown) => {
        throw cause instanceof EngineError && /in use/.test(cause.message) ? busy(cause) : cause
      })
      tell(app.id, `Build cache emptied by user ${user.email}`)
    },

    /** Makes the record of a build whose turn may be later. Call `run`, and `end` in any case. */
    enqueue(app: App, user: Build['user'], { commit, buildId = ids.uuid() }: Pick<BuildSource, 'commit' | 'buildId'>): Queued {
      const record = store.insert({ id: buildId, appId: app.id, user, commit, at: clock.now() })
      onChange(record, 'create')
      failpoint('build.recorded')
      const stop = new AbortController()
      running.set(record.id, stop)
      const output = recorder(record.id)
      const end = (cause: unknown) => {
        running.delete(record.id)
        output.flush()
        if (cause !== undefined) settle(app, record.id, cause, { isCanceled: stop.signal.aborted })
      }
      return { id: record.id, signal: stop.signal, log: output.add, end }
    },

    /** Runs a build to its end and records it. Rejects AppError build_failed. */
    async run(
      queued: Queued,
      { app, user, source }: { app: App; user: Build['user']; source: BuildSource },
      io: Io,
    ): Promise<BuiltSource> {
      const vars = config(app.id)
      const mask = masked(vars)
      const log = (line: string) => {
        queued.log(line)
        io.log(line)
      }
      tell(app.id, `Build started by user ${user.email}`)
      const reuse = async (inputs: string) => store.findByInputs(app.id, inputs)
      const base = {
        ...setting(app),
        appId: app.id,
        appName: app.name,
        buildId: queued.id,
        commit: source.commit,
        config: vars,
        reuse,
        lastStackImage: store.lastStackImage(app.id),
      }
      const input =
        'ref' in source
          ? { ...base, source: { ref: source.ref } }
          : { ...base, isSlug: source.isSlug ?? false, source: source.tar, isUpload: source.isUpload ?? false }
      let facts: Facts | undefined
      try {
        const built = await made(input, { signal: io.signal, log, onFailure: (known) => (facts = known) })
        failpoint('build.compiled')
        const image = remember(app, queued.id, built)
        queued.end(undefined)
        return { ...image, commit: source.commit }
      } catch (cause) {
        const reason = mask(cause instanceof Error ? cause.message : String(cause))
        queued.log(` !     ${reason}`)
        settle(app, queued.id, new Error(reason), { isCanceled: io.signal.aborted, facts })
        queued.end(undefined)
        if (cause instanceof AppError && cause.message === reason) throw cause
        throw new AppError('build_failed', cause instanceof AppError ? reason : `The build failed: ${reason}`, { cause })
      }
    },
  }
}
