import type { LogSessionCreate } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, type Make } from '../../command.ts'
import { colored } from '../../log-line.ts'
import { followLogs } from '../../log-stream.ts'
import { parseLines, parseVersion } from '../../pairs.ts'

type Options = AppOption & {
  num: number
  tail?: boolean
  source?: string
  dyno?: string
  type?: string
  processType?: string
  release?: number
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
    .action(async (options: Options) => {
      const { num, tail = false, source, dyno, release } = options
      const type = options.type ?? options.processType
      const session: LogSessionCreate = {
        lines: num,
        tail,
        ...(source && { source }),
        ...(dyno && { dyno }),
        ...(type && { type }),
        ...(release && { release }),
      }
      const app = await context.app(options.app)
      let count = 0
      const line = (text: string) => {
        count++
        context.out(colored(context, text))
      }
      await followLogs(context, { app, session, line })
      if (count === 0 && num > 0) context.err(`There is no such line in the stream of ${app} yet.`)
    })
