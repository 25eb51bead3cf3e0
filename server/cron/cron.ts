import { createHash } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import { nextDue, parseScheduled, type ScheduledCommand } from '../manifest/schedule.ts'
import type { Release } from '../releases/release.ts'
import type { Run, RunRequest } from '../runs/run.ts'
import type { PastRun } from '../runs/store.ts'
import { cronStore, type StoredJob } from './store.ts'

/** A command that runs at fixed times. */
export type Job = StoredJob & {
  /** Who asked for it: a user, or the app.json of the current release. */
  readonly origin: 'user' | 'app.json'
  readonly next: Date | undefined
  readonly last: PastRun | undefined
}

const MAX_JOBS = 50
/** The clock may be set: it is looked at again after this time at the latest. */
const LOOK_MS = 30_000
/** A clock that was set back by less than this repeats nothing. */
const SET_BACK_MS = 3_600_000
/** Later than this is told as missed. */
const LATE_MS = 60_000
const MAX_COUNTED = 1000
const CRON = { id: 'cron', email: 'cron' }

type User = { id: string; email: string }
type Deps = {
  db: Db
  clock: Clock
  logs: LogSink
  apps: () => App[]
  current: (appId: string) => Release | undefined
  runs: {
    /** `claim` happens together with the record of the run, or not at all. */
    start(app: App, user: User, request: RunRequest, job: { jobId: string; claim?: () => void }): Promise<Run>
    /** Newest first. */
    ofJob(appId: string, jobId: string): PastRun[]
  }
  onError: (what: string, cause: unknown) => void
}

/** Scheduled jobs: one-off dynos on the current release, at most one per due time, whoever is killed. */
export function cron({ db, clock, logs, apps, current, runs, onError }: Deps) {
  const store = cronStore(db)
  let wakeUp = () => {}
  const tell = (appId: string, text: string) => logs.publish({ appId, source: 'dozen', dyno: 'cron', text })
  const byUser = (app: App, text: string) => logs.publish({ appId: app.id, source: 'app', dyno: 'api', text })

  /** The user's first; one that app.json names as well is the same job. */
  function jobsOf(appId: string): (StoredJob & Pick<Job, 'origin'>)[] {
    const own = store.list(appId).map((job) => ({ ...job, origin: 'user' as const }))
    const declared = (current(appId)?.source?.manifest?.cron ?? []).map((job) => ({ ...job, id: idOf(job), origin: 'app.json' as const }))
    return [...new Map([...declared, ...own].map((job) => [job.id, job])).values()]
  } // prettier-ignore

  function find(app: App, id: string) {
    const found = jobsOf(app.id).find((job) => job.id === id)
    if (!found) throw notFound('job')
    return found
  }

  const shown = (app: App, job: StoredJob & Pick<Job, 'origin'>): Job => ({
    ...job,
    next: nextDue(job.schedule, clock.now()),
    last: runs.ofJob(app.id, job.id)[0],
  })

  const start = (app: App, user: User, job: StoredJob, claim?: () => void) =>
    runs.start(app, user, { command: job.command, attach: false, env: {}, tty: false, exitStatus: false }, { jobId: job.id, ...(claim && { claim }) }) // prettier-ignore

  /** Starts a job whose time has come; of several times that were missed, once. */
  async function begin(app: App, job: StoredJob, since: Date, now: Date) {
    const claim = () => store.mark(app.id, job.id, now)
    const { count, latest } = dueBetween(job.schedule, since, now)
    const isLate = count > 1 || now.getTime() - latest.getTime() > LATE_MS
    const name = `${JSON.stringify(job.schedule)} \`${job.command}\``
    const running = job.overlap ? undefined : runs.ofJob(app.id, job.id).find((run) => run.state !== 'ended')
    if (running) {
      claim()
      tell(app.id, `Skipped the job ${name}: ${running.name} still runs it`)
      return
    }
    if (isLate) tell(app.id, `The job ${name} was due ${count} ${count === 1 ? 'time' : 'times'} while dozen did not run, last at ${latest.toISOString()}: running it once now`) // prettier-ignore
    try {
      await start(app, CRON, job, claim)
    } catch (cause) {
      tell(app.id, `The job ${name} could not be started: ${cause instanceof Error ? cause.message : String(cause)}`)
      onError(`the job ${job.id} of ${app.name}`, cause)
    }
  }

  /** Looks at the jobs of one app; gives when the next of them is due, epoch milliseconds. */
  async function look(app: App): Promise<number> {
    if (!current(app.id)?.source) return Infinity
    const marks = store.marks(app.id)
    const jobs = jobsOf(app.id)
    for (const id of marks.keys()) if (!jobs.some((job) => job.id === id)) store.unmark(app.id, id)
    for (const job of jobs) {
      const now = clock.now()
      const seen = marks.get(job.id)
      if (!seen || seen.getTime() - now.getTime() > SET_BACK_MS) {
        store.mark(app.id, job.id, now)
        continue
      }
      const due = nextDue(job.schedule, seen)
      if (due && due <= now) await begin(app, job, seen, now)
    }
    return Math.min(Infinity, ...jobs.map((job) => nextDue(job.schedule, clock.now())?.getTime() ?? Infinity))
  }

  return {
    list: (app: App): Job[] => jobsOf(app.id).map((job) => shown(app, job)),
    find: (app: App, id: string): Job => shown(app, find(app, id)),
    /** Newest first. */
    history: (app: App, id: string): PastRun[] => runs.ofJob(app.id, find(app, id).id),

    /** Throws invalid_params, conflict. */
    add(app: App, user: User, input: { schedule?: unknown; command?: unknown; overlap?: unknown }): Job {
      const scheduled = parseScheduled(input)
      const job = { ...scheduled, id: idOf(scheduled) }
      const jobs = jobsOf(app.id)
      if (jobs.some(({ id }) => id === job.id)) throw new AppError('conflict', `${app.name} has this job already: ${job.id}.`)
      if (jobs.length >= MAX_JOBS) throw invalid(`${app.name} has ${MAX_JOBS} jobs already, which is the most an app may have. Remove one first.`)
      store.insert(app.id, job, clock.now())
      byUser(app, `Add job ${job.id} by user ${user.email}`)
      wakeUp()
      return shown(app, { ...job, origin: 'user' })
    }, // prettier-ignore

    /** Throws not_found, and invalid_params for one of app.json. */
    remove(app: App, user: User, id: string): Job {
      const job = shown(app, find(app, id))
      if (job.origin === 'app.json') throw invalid(`The job ${id} is in app.json: remove it there and deploy.`)
      store.remove(app.id, id)
      byUser(app, `Remove job ${id} by user ${user.email}`)
      return job
    },

    /** Starts it now, whatever its schedule. */
    runNow: (app: App, user: User, id: string): Promise<Run> => start(app, user, find(app, id)),

    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const dues = await Promise.all(apps().map((app) => look(app).catch((cause: unknown) => failed(app, cause))))
        const woken = new AbortController()
        wakeUp = () => woken.abort()
        const next = Math.min(LOOK_MS, ...dues.map((due) => due - clock.now().getTime()))
        await clock.sleep(Math.max(0, next), AbortSignal.any([signal, woken.signal])).catch(() => {})
      }
    },
  }

  function failed(app: App, cause: unknown): number {
    onError(`the jobs of ${app.name}`, cause)
    return Infinity
  }
}

/** The same schedule and command are the same job. */
const idOf = ({ schedule, command }: ScheduledCommand) =>
  createHash('sha256').update(`${schedule}\0${command}`).digest('hex').slice(0, 8)

/** How often a schedule came due after `since` up to `now`, counted up to a thousand, and when last. */
function dueBetween(schedule: string, since: Date, now: Date): { count: number; latest: Date } {
  let latest = since
  let count = 0
  for (let due = nextDue(schedule, since); due && due <= now && count < MAX_COUNTED; due = nextDue(schedule, due)) {
    latest = due
    count++
  }
  return { count, latest }
}
