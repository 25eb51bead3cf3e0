import { command, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'

/** bin/dozen.mjs starts the supervisor for a bare `dozen up`; only what it would not understand arrives here. */
export const up: Make = () =>
  command('up', 'start the platform in the foreground; SIGINT or SIGTERM stops it, apps go on')
    .addHelpText(
      'after',
      '\nIts settings are environment variables: DOZEN_HOME, DOZEN_API_PORT, DOZEN_HTTP_PORT, … The README lists them.',
    )
    .action(() => {
      throw new UsageError('`dozen up` takes no arguments; its settings are environment variables.')
    })
