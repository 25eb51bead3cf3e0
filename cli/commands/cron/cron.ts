import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import { commandLine } from '../../pairs.ts'
import type { CronJob, CronRun } from '../../shapes.ts'
import { when } from '../../table.ts'
import { safe } from '../../terminal.ts'

/** GET /apps/:app/cron */
export const list: Make = (context) =>
  appCommand('cron', "list an app's scheduled jobs")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<CronJob>(appPath(app, 'cron'))
      const head = ['id', 'schedule', 'command', 'next', 'last', '']
      const row = (job: CronJob) => [job.id, job.schedule, safe(job.command), job.next_at?.replace(/\.000Z$/, 'Z') ?? 'never', outcome(job.last), job.origin === 'app.json' ? 'app.json' : ''] // prettier-ignore
      const empty = `${app} has no scheduled jobs. \`dozen cron:add "30 3 * * *" -a ${app} -- node clean.js\` adds one; "cron" in app.json does too.`
      printList(context, options, { items, title: `${app} Scheduled Jobs`, empty, head, row })
    })

/** POST /apps/:app/cron */
export const add: Make = (context) =>
  appCommand('cron:add', 'run a command at fixed times, in a one-off dyno on the current release')
    .argument('<schedule>', 'five fields in UTC: minute hour day month weekday; or @hourly, @daily, @weekly, @monthly')
    .argument('<command...>', 'as for `dozen run`')
    .option('--overlap', 'start also while the run before is not over')
    .action(async (schedule: string, words: string[], { overlap = false, ...options }: AppOption & { overlap?: boolean }) => {
      const app = await context.app(options.app)
      const made = context.api.post<CronJob>(appPath(app, 'cron'), { schedule, command: commandLine(words), overlap })
      await progress(context, `Adding a job to ${app}`, made, (job) => `${job.id}, first at ${job.next_at ?? 'never'}`)
    })

/** DELETE /apps/:app/cron/:job */
export const remove: Make = (context) =>
  appCommand('cron:remove', 'remove a scheduled job; a run that is under way goes on')
    .argument('<job>', 'id of `dozen cron`')
    .action(async (id: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing the job ${id} from ${app}`, context.api.delete(appPath(app, 'cron', id)))
    })

/** POST /apps/:app/cron/:job/actions/run */
export const runNow: Make = (context) =>
  appCommand('cron:run', 'start a scheduled job now')
    .argument('<job>', 'id of `dozen cron`')
    .action(async (id: string, options: AppOption) => {
      const app = await context.app(options.app)
      const made = context.api.post<{ dyno: string }>(appPath(app, 'cron', id, 'actions', 'run'), {})
      const { dyno } = await progress(context, `Starting the job ${id} of ${app}`, made, (run) => run.dyno)
      context.err(`\`dozen logs --dyno ${dyno} -a ${app}\` shows what it says.`)
    })

/** GET /apps/:app/cron/:job/runs */
export const runs: Make = (context) =>
  appCommand('cron:runs', 'list the runs of a scheduled job, newest first')
    .argument('<job>', 'id of `dozen cron`')
    .option(...JSON_OPTION)
    .action(async (id: string, options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<CronRun>(appPath(app, 'cron', id, 'runs'))
      const row = (run: CronRun) => [run.dyno, `v${run.release.version}`, when(run.started_at, context.now()), outcome(run)]
      printList(context, options, { items, title: `${app} Runs of ${id}`, empty: `The job ${id} has not run yet.`, row })
    })

function outcome(run: CronRun | null): string {
  if (!run) return '-'
  if (run.state !== 'ended') return `${run.dyno} runs`
  return run.exit_code === null ? `${run.dyno} was cut short` : `${run.dyno} exited with ${run.exit_code}`
}
