import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import type { ProcessLimits } from '../../shapes.ts'

type Wanted = { memory?: string; cpus?: string; pids?: string }

/** GET /apps/:app/limits */
export const list: Make = (context) =>
  appCommand('limits', 'show what a process of each type may use')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<ProcessLimits>(appPath(app, 'limits'))
      const head = ['type', 'memory', 'cpus', 'processes', '']
      const row = (one: ProcessLimits) => [one.type, mib(one.memory), one.cpus === null ? 'all' : String(one.cpus), String(one.pids), one.default ? 'default' : ''] // prettier-ignore
      printList(context, options, { items, title: `${app} Limits`, empty: '', head, row })
    })

/** PUT /apps/:app/limits/:type */
export const set: Make = (context) =>
  appCommand('limits:set', 'limit what each process of a type may use; its processes restart, new before old')
    .argument('<type>', 'process type, or run for one-off dynos')
    .option('--memory <size>', 'e.g. 512m or 2g; "default" for the default')
    .option('--cpus <n>', 'cores, e.g. 0.5; "default" for all of them')
    .option('--pids <n>', 'processes and threads; "default" for the default')
    .action(async (type: string, { memory, cpus, pids, ...options }: AppOption & Wanted) => {
      const app = await context.app(options.app)
      const body = { memory: memory === 'default' ? null : memory, cpus: parseNumber(cpus), pids: parseNumber(pids) }
      const made = context.api.put<ProcessLimits>(appPath(app, 'limits', type), body)
      const done = (one: ProcessLimits) => `${mib(one.memory)}, ${one.cpus ?? 'all'} cpus, ${one.pids} processes`
      await progress(context, `Setting limits of ${type} of ${app}`, made, done)
    })

/** DELETE /apps/:app/limits/:type */
export const unset: Make = (context) =>
  appCommand('limits:unset', 'give a type the default limits again; its processes restart, new before old')
    .argument('<type>', 'process type, or run for one-off dynos')
    .action(async (type: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing limits of ${type} of ${app}`, context.api.delete(appPath(app, 'limits', type)))
    })

const mib = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`

function parseNumber(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  if (text === 'default') return null
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no number.`)
  return value
}
