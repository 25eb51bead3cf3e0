import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { UsageError } from '../../errors.ts'
import { forgetRemote } from '../../git.ts'
import { line } from '../../input.ts'
import { progress } from '../../output.ts'

/** DELETE /apps/:app, once its name has been said twice. */
export const destroy: Make = (context) =>
  appCommand('destroy', 'remove an app with its releases, logs and repository, for good')
    .argument('[name]', 'its name, in place of -a')
    .option('-c, --confirm <name>', 'the name once more, to ask no question')
    .action(async (name: string | undefined, options: AppOption & { confirm?: string }) => {
      const app = await context.app(name ?? options.app ?? options.confirm)
      const confirmed = options.confirm ?? (await ask(context, app))
      if (confirmed !== app)
        throw new UsageError(
          `The confirmation ${JSON.stringify(confirmed)} is not ${JSON.stringify(app)}: nothing was destroyed.`,
        )
      const { git_url: url } = await progress(context, `Destroying ${app}`, context.api.delete<App>(appPath(app)))
      await forgetRemote(context.cwd, url)
    })

function ask(context: Context, app: string): Promise<string> {
  if (!context.terminal.isInput) {
    throw new UsageError(`This would destroy ${app} for good.`, { hint: `If you mean it, add --confirm ${app}` })
  }
  context.err(`This destroys ${app} with its releases, logs and repository, for good.`)
  return line(context.streams, `Type ${app} to go on: `)
}
