import type { LogSessionCreate } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, type Make } from '../../command.ts'
import { colored, withoutColor } from '../../log-line.ts'
import { followLogs } from '../../log-stream.ts'
import { printable } from '../../output.ts'
import { parseLines, parseTime, parseVersion } from '../../pairs.ts'

type Options = AppOption & {
  num: number
  tail?: boolean
  source?: string
  dyno?: string
  type?: string
  processType?: string
  release?: number
  since?: string
  until?: string
  grep?: string
  request?: string
  level?: string
  json?: boolean
  color: boolean
}

/** POST /apps/:app/log-sessions, then the stream that its URL gives. */
export const logs: Make = (context) =>
  appCommand('logs', "show an app's log stream")
    .option('-n, --num <lines>', 'how many lines', parseLines, 100)
    .option('-t, --tail', 'go on with new lines as they come')
    .option('-s, --source <source>', 'only lines of app or of dozen (the platform)')
    .option('-d, --dyno <name>', 'only lines of a dyno such as web.1, or of router, build, api')
    .option('--type <type>', 'only lines of a process type such as web')
    .option('-p, --process-type <type>', 'as --type')
    .option('--release <version>', 'only lines of a release, e.g. v7', parseVersion)
    .option('--since <time>', 'only lines from then on: a time, or how long ago, e.g. 10m, 2h, 1d', parseTime)
    .option('--until <time>', 'only lines before then', parseTime)
    .option('-g, --grep <text>', 'only lines with this text, or with key=value in a JSON or logfmt line')
    .option('--level <level>', 'only lines of this level or worse, e.g. error')
    .option('--request <id>', 'only lines that name this request: the router’s and the app’s')
    .option('--json', 'print a JSON object per line, with the fields of a JSON or logfmt line')
    .option('--no-color', 'print no colours, neither ours nor those of the app')
    .action(async (options: Options) => {
      const { num, tail = false, source, dyno, release, since, until, grep, request, level, json } = options
      const type = options.type ?? options.processType
      const session: LogSessionCreate = {
        lines: num,
        tail,
        ...(source && { source }),
        ...(dyno && { dyno }),
        ...(type && { type }),
        ...(release && { release }),
        ...(since && { since }),
        ...(until && { until }),
        ...(grep && { grep }),
        ...(request && { request }),
        ...(level && { level }),
        ...(json && { json }),
      }
      const app = await context.app(options.app)
      const screen = options.color ? context : withoutColor(context)
      let count = 0
      const line = (text: string) => {
        count++
        context.out(json ? printable(text) : colored(screen, text))
      }
      await followLogs(context, { app, session, line })
      if (count === 0 && num > 0) context.err(`There is no such line in the stream of ${app} yet.`)
    })
