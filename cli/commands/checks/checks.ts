import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import type { HealthCheck } from '../../shapes.ts'

type Times = { interval?: number; timeout?: number; failures?: number }

/** GET /apps/:app/checks */
export const list: Make = (context) =>
  appCommand('checks', "list an app's health checks")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<HealthCheck>(appPath(app, 'checks'))
      const row = ({ type, path, interval, timeout, failures }: HealthCheck) => [type, path, `every ${interval} s`, `within ${timeout} s`, `${failures} failures`] // prettier-ignore
      const empty = `${app} has no health check of its own: its web processes are asked every 15 s whether they accept a connection. \`dozen checks:set /health -a ${app}\` asks more.`
      printList(context, options, { items, title: `${app} Health Checks`, empty, row })
    })

/** PUT /apps/:app/checks/web */
export const set: Make = (context) =>
  appCommand('checks:set', 'ask web processes by HTTP how they are: before they get requests, and from then on')
    .argument('<path>', 'answers 2xx or 3xx when the process is well, e.g. /health')
    .option('--interval <seconds>', 'time between two checks (default: 15)', parseNumber)
    .option('--timeout <seconds>', 'time to answer (default: 5)', parseNumber)
    .option('--failures <n>', 'so many in a row restart the process (default: 3)', parseNumber)
    .action(async (path: string, { interval, timeout, failures, ...options }: AppOption & Times) => {
      const app = await context.app(options.app)
      const made = context.api.put<HealthCheck>(appPath(app, 'checks', 'web'), { path, interval, timeout, failures })
      await progress(context, `Setting the health check of web of ${app} to ${path}`, made)
    })

/** DELETE /apps/:app/checks/web */
export const unset: Make = (context) =>
  appCommand('checks:unset', 'remove the health check: accepting a connection is enough again').action(
    async (options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing the health check of web of ${app}`, context.api.delete(appPath(app, 'checks', 'web')))
    },
  )

function parseNumber(text: string): number {
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is no number.`)
  return value
}
