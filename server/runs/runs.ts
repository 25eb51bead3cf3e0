import type { Duplex } from 'node:stream'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container, ContainerSpec, Engine } from '../engine/port.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { ProcessOf } from '../formation/dynos.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { ImageSource, Release } from '../releases/release.ts'
import { exitStatusLine, joinStreams, withoutEcho, type Joined } from './pipe.ts'
import type { Run, RunRequest } from './run.ts'
import { runStore, type StoredRun } from './store.ts'

const CLAIM_MS = 60_000
const HANG_UP_GRACE_MS = 10_000
const MAX_COMMAND_BYTES = 64 * 1024

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  engine: Pick<Engine, 'list' | 'create' | 'start' | 'attach' | 'wait' | 'stop' | 'kill' | 'remove' | 'resize' | 'find'>
  instance: string
  logs: LogSink
  network: () => Promise<string>
  spec: (process: ProcessOf) => Omit<ContainerSpec, 'network'>
  current: (appId: string) => Release | undefined
  collect: (container: Container, about: { appId: string; dyno: string; release: number }) => void
  finished: (id: string) => Promise<void>
  timeoutMs: number
  /** One-off dynos of an app at a time. */
  maxPerApp?: number
  onError: (what: string, cause: unknown) => void
}
/** An attached run that waits for its client. */
type Claim = { run: StoredRun; containerId: string; request: RunRequest; unclaimed: AbortController }

/** `dozen run`: one-off dynos on the current release. */
export function runs(deps: Deps) {
  const { db, clock, engine } = deps
  const store = runStore(db)
  const claims = new Map<string, Claim>()
  /** Of attached runs, by id: the client's streams, and how much input it has, which it may say before they are joined. */
  const pipes = new Map<string, { joined?: Joined; inputBytes?: number }>()
  /** Runs that this life of the controller looks after. */
  const inHand = new Set<string>()
  const labels = (run: Pick<StoredRun, 'id'>) => ({ [LABEL.instance]: deps.instance, [LABEL.role]: 'run', 'dozen.run': run.id })
  const say = (run: StoredRun, text: string) =>
    deps.logs.publish({ appId: run.appId, source: 'dozen', dyno: run.name, release: run.version, text })

  async function create(app: App, release: Release, run: StoredRun, request: RunRequest): Promise<string> {
    const spec = deps.spec({ app, release, dyno: run.name, command: run.command, type: request.type })
    return engine.create({
      ...spec,
      network: await deps.network(),
      env: { ...spec.env, ...request.env },
      tty: request.attach && request.tty,
      openStdin: request.attach,
      labels: { ...spec.labels, ...labels(run), [LABEL.type]: 'run', [LABEL.ordinal]: String(run.number) },
    })
  }

  /** Watches a started one to its end: time limit, ledger, removal. */
  async function follow(run: StoredRun, containerId: string): Promise<number> {
    const done = new AbortController()
    void clock.sleep(deps.timeoutMs, done.signal).then(
      () => engine.stop(containerId, HANG_UP_GRACE_MS),
      () => {},
    )
    const exit = await engine.wait(containerId)
    failpoint('run.ended')
    done.abort()
    if (!run.attached) await deps.finished(containerId)
    say(run, `Process exited with status ${exit.code}`)
    store.update(run.id, 'ended', exit.code, clock.now())
    return exit.code
  }

  const end = async (run: StoredRun, containerId: string | undefined) => {
    store.update(run.id, 'ended', null, clock.now())
    if (containerId) await engine.remove(containerId)
  }
  const abandon = async (run: StoredRun, containerId: string | undefined, cause: unknown): Promise<never> => {
    inHand.delete(run.id)
    await end(run, containerId).catch((failure: unknown) => deps.onError(run.name, failure)) // `tidy` does the rest
    throw cause
  }
  const inBackground = (what: string, work: Promise<unknown>) => void work.catch((cause: unknown) => deps.onError(what, cause))

  async function begin(run: StoredRun, containerId: string) {
    say(run, `Starting process with command \`${run.command}\``)
    await engine.start(containerId)
    failpoint('run.started')
    store.update(run.id, 'up', null, clock.now())
    say(run, 'State changed from starting to up')
  }

  async function startDetached(run: StoredRun, containerId: string) {
    await begin(run, containerId)
    const container = await engine.find(containerId)
    if (container) deps.collect(container, { appId: run.appId, dyno: run.name, release: run.version })
    followDetached(run, containerId)
  }

  function followDetached(run: StoredRun, containerId: string) {
    inHand.add(run.id)
    const followed = follow(run, containerId).then(() => engine.remove(containerId))
    inBackground(
      run.name,
      followed.finally(() => inHand.delete(run.id)),
    )
  }

  function offer(claim: Omit<Claim, 'unclaimed'>): string {
    const secret = deps.ids.secret()
    const unclaimed = new AbortController()
    claims.set(secret, { ...claim, unclaimed })
    pipes.set(claim.run.id, {})
    const expire = async () => {
      if (!claims.delete(secret)) return
      inHand.delete(claim.run.id)
      pipes.delete(claim.run.id)
      await end(claim.run, claim.containerId)
    }
    inBackground(
      claim.run.name,
      clock.sleep(CLAIM_MS, unclaimed.signal).then(expire, () => {}),
    )
    return secret
  }

  async function serve({ run, containerId, request }: Claim, socket: Duplex) {
    let ended = false
    const left = new Promise<void>((resolve) => socket.on('close', resolve))
    const hangUp = async () => {
      if (ended) return
      await engine.kill(containerId, 'SIGHUP')
      await engine.stop(containerId, HANG_UP_GRACE_MS)
    }
    socket.on('close', () => inBackground(run.name, hangUp()))
    const attached = await engine.attach(containerId)
    const joined = joinStreams(socket, attached, { endsAtEot: !request.tty && !request.exitStatus })
    const pipe = pipes.get(run.id)
    if (pipe) pipe.joined = joined
    if (pipe?.inputBytes !== undefined) joined.endInputAfter(pipe.inputBytes)
    await begin(run, containerId)
    if (request.tty && request.columns && request.rows) {
      await engine.resize(containerId, { columns: request.columns, rows: request.rows })
    }
    const code = await follow(run, containerId)
    ended = true
    await Promise.race([joined.outputEnded, left, clock.sleep(HANG_UP_GRACE_MS)])
    if (!socket.destroyed) socket.end(request.exitStatus || withoutEcho(request.command).asked ? exitStatusLine(code) : undefined)
    attached.close()
    await engine.remove(containerId)
  }

  return {
    /** `job`: the scheduled job that it is for; `claim` happens together with the record of the run, or not at all. */
    async start(
      app: App,
      user: Release['user'],
      request: RunRequest,
      job: { jobId?: string; claim?: () => void } = {},
    ): Promise<Run> {
      const release = deps.current(app.id)
      if (!release?.source) throw invalid('Nothing is deployed yet, so there is nothing to run: `git push dozen main` first.')
      const command = ofType(withoutEcho(checkCommand(request.command)).command, release.source)
      checkType(app, release.source, request.type)
      if (store.open().filter((one) => one.appId === app.id).length >= (deps.maxPerApp ?? Infinity))
        throw new AppError(
          'rate_limit',
          `${app.name} has ${deps.maxPerApp} one-off dynos already, which is the most here (DOZEN_MAX_RUNS): stop one with \`dozen ps:stop run.N\`.`,
        )
      const run = db
        .transaction(() => {
          job.claim?.()
          return store.insert({
            id: deps.ids.uuid(),
            appId: app.id,
            version: release.version,
            command,
            attached: request.attach,
            jobId: job.jobId ?? null,
            at: clock.now(),
          })
        })
        .immediate()
      inHand.add(run.id)
      deps.logs.publish({
        appId: app.id,
        source: 'app',
        dyno: 'api',
        text: `Starting process ${run.name} with command \`${command}\` by user ${user.email}`,
      })
      const containerId = await create(app, release, run, request).catch((cause: unknown) => abandon(run, undefined, cause))
      failpoint('run.created')
      if (request.attach) return { ...run, secret: offer({ run, containerId, request }) }
      await startDetached(run, containerId).catch((cause: unknown) => abandon(run, containerId, cause))
      return { ...run, state: 'up', secret: null }
    },

    /** False for a secret that is unknown, used or older than a minute. Resolves after the end of the process. */
    async attach(secret: string, socket: Duplex): Promise<boolean> {
      const claim = claims.get(secret)
      if (!claim) return false
      claims.delete(secret)
      claim.unclaimed.abort()
      await serve(claim, socket).catch(async (cause: unknown) => {
        deps.onError(claim.run.name, cause)
        socket.destroy()
        await end(claim.run, claim.containerId)
      }).finally(() => {
        inHand.delete(claim.run.id)
        pipes.delete(claim.run.id)
      }) // prettier-ignore
      return true
    },

    async resize(app: App, name: string, size: { columns: number; rows: number }) {
      const containerId = await containerOf(find(app, name))
      if (containerId) await engine.resize(containerId, size)
    },

    /** The client of an attached one has no more input than `bytes` in all. Throws not_found when it has ended, or never had one. */
    endInput(app: App, name: string, bytes: number) {
      const pipe = pipes.get(find(app, name).id)
      if (!pipe) throw notFound('dyno')
      pipe.inputBytes = bytes
      pipe.joined?.endInputAfter(bytes)
    },

    async stop(app: App, name: string) {
      const containerId = await containerOf(find(app, name))
      if (containerId) await engine.stop(containerId, HANG_UP_GRACE_MS)
    },

    /** Of a scheduled job, newest first. */
    ofJob: store.ofJob,
    /** Those that have not ended. */
    list: (appId: string): StoredRun[] => store.open().filter((run) => run.appId === appId),

    /**
     * Those that nobody looks after, because the controller died or the engine failed: detached ones are watched on, attached ones lost their
     * client and end. Containers of ended ones go.
     */
    async tidy(): Promise<void> {
      for (const run of store.open()) if (!inHand.has(run.id)) await adopt(run)
      const found = await engine.list({ [LABEL.instance]: deps.instance, [LABEL.role]: 'run' })
      const open = new Set([...store.open().map((run) => run.id), ...inHand])
      for (const { id, labels } of found) if (!open.has(labels['dozen.run'] ?? '')) await engine.remove(id)
    },
  }

  async function adopt(run: StoredRun) {
    const [container] = await engine.list(labels(run))
    if (inHand.has(run.id)) return
    if (!container || container.state === 'created' || run.attached) return end(run, container?.id)
    deps.collect(container, { appId: run.appId, dyno: run.name, release: run.version })
    followDetached(run, container.id)
  }

  function find(app: App, name: string): StoredRun {
    const run = store.open().find((one) => one.appId === app.id && one.name === name)
    if (!run) throw notFound('dyno')
    return run
  }

  async function containerOf(run: StoredRun): Promise<string | undefined> {
    const [container] = await engine.list(labels(run))
    return container?.id
  }
}

function checkType(app: App, { processTypes }: ImageSource, type: string | undefined): void {
  if (type === undefined || type === 'run' || Object.hasOwn(processTypes, type)) return
  const known = [...Object.keys(processTypes), 'run'].join(', ')
  throw invalid(`${app.name} has no process type ${JSON.stringify(type)}. It has ${known}.`)
}

/** A process type in the place of a program stands for its command, as with Heroku: `worker 42` for `node worker.js 42`. */
function ofType(command: string, { processTypes }: ImageSource): string {
  const [word] = /^\S+/.exec(command) ?? ['']
  const meant = Object.hasOwn(processTypes, word) ? processTypes[word] : undefined
  return meant ? meant + command.slice(word.length) : command
}

function checkCommand(command: unknown): string {
  if (typeof command !== 'string' || command.trim() === '') throw invalid('A command to run is missing, e.g. `dozen run bash`.')
  if (command.includes('\0')) throw invalid('The command holds a NUL byte, which no program can be started with.')
  if (Buffer.byteLength(command) > MAX_COMMAND_BYTES) throw invalid(`The command is longer than ${MAX_COMMAND_BYTES} bytes.`)
  return command
}
