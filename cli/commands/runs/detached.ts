import type { Dyno } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { progress } from '../../output.ts'
import { request, type RunOptions } from './run.ts'

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

export async function detach(
  context: Context,
  app: string,
  { words, ...options }: RunOptions & { words: string[] },
): Promise<void> {
  const made = context.api.post<Dyno>(appPath(app, 'dynos'), { ...request(words, options), attach: false })
  const { name } = await progress(context, `Running ${words.join(' ')} on ${app}`, made, (dyno) => dyno.name)
  context.err(`\`dozen logs -a ${app} --dyno ${name}\` shows its output.`)
  context.out(name)
}
