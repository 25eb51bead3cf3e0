import type { Readable } from 'node:stream'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { ImageSource } from '../releases/release.ts'
import type { Build } from './build.ts'
import type { builder } from './builder.ts'
import type { Setting } from './source.ts'
import { buildStore } from './store.ts'

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  logs: LogSink
  builder: ReturnType<typeof builder>
  config: (appId: string) => Record<string, string>
  isKnown: (appId: string) => boolean
  /** The app's own buildpacks and stack, when it has set some. */
  setting?: (app: App) => Setting
}

/** Pushes come in series: what the next one needs gets ready once this one's switch is through, and waits a little while. */
const READY_AFTER_MS = 3_500
const READY_MS = 12_000

/** Builds as records: who, what, how it ended, and what it printed. */
export function builds({ db, clock, ids, logs, builder, config, isKnown, setting = () => ({}) }: Deps) {
  const store = buildStore(db)
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

    /** Runs a build to its end and records it. Rejects AppError build_failed. */
    async run(
      {
        app,
        user,
        tar,
        commit,
        buildId = ids.uuid(),
      }: { app: App; user: Build['user']; tar: Readable; commit: string; buildId?: string | undefined },
      { signal, log }: { signal: AbortSignal; log: (line: string) => void },
    ): Promise<ImageSource & { configDefaults: Readonly<Record<string, string>> }> {
      const record = store.insert({ id: buildId, appId: app.id, user, commit, at: clock.now() })
      failpoint('build.recorded')
      const output = recorder(record.id)
      const both = (line: string) => {
        output.add(line)
        log(line)
      }
      tell(app.id, `Build started by user ${user.email}`)
      const reuse = async (inputs: string) => store.findByInputs(app.id, inputs)
      const input = {
        ...setting(app),
        appId: app.id,
        appName: app.name,
        buildId: record.id,
        source: tar,
        commit,
        config: config(app.id),
        reuse,
      }
      try {
        const built = await builder.build(input, { signal, log: both })
        output.flush()
        failpoint('build.compiled')
        store.succeed(record.id, built, clock.now())
        tell(app.id, 'Build succeeded')
        void clock.sleep(READY_AFTER_MS).then(() => isKnown(app.id) && builder.prepare(app.id, READY_MS))
        const { image, imageKind, port, processTypes, configDefaults = {} } = built
        return { image, imageKind, port, processTypes, buildId: record.id, commit, configDefaults }
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause)
        output.add(` !     ${reason}`)
        output.flush()
        store.settle(record.id, { status: signal.aborted ? 'canceled' : 'failed', reason, at: clock.now() })
        tell(app.id, 'Build failed')
        if (cause instanceof AppError) throw cause
        throw new AppError('build_failed', `The build failed: ${reason}`, { cause })
      }
    },
  }
}
