import { appCommand, type AppOption, type Make } from '../../command.ts'
import { detach, type RunOptions } from './request.ts'

/** POST /apps/:app/dynos `{attach: false}` */
export const detached: Make = (context) =>
  appCommand('run:detached', 'run a command in a one-off dyno and do not wait for it')
    .argument('<command...>', 'the command')
    .option('-e, --env <KEY=value>', 'an environment variable; may be repeated', (text: string, all: string[] = []) => [
      ...all,
      text,
    ])
    .option('-s, --size <size>', 'dyno size')
    .option('--type <type>', 'process type to run as')
    .passThroughOptions()
    .action(async (words: string[], options: AppOption & Omit<RunOptions, 'tty'>) =>
      detach(context, await context.app(options.app), { words, tty: false, ...options }),
    )
