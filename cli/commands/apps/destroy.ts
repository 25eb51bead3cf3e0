import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { confirmed } from '../../confirm.ts'
import { forgetRemote } from '../../git.ts'
import { progress } from '../../output.ts'

/** DELETE /apps/:app, once its name has been said twice. */
export const destroy: Make = (context) =>
  appCommand('destroy', 'remove an app with its releases, logs and repository, for good')
    .argument('[name]', 'its name, in place of -a')
    .option('-c, --confirm <name>', 'the name once more, to ask no question')
    .action(async (name: string | undefined, options: AppOption & { confirm?: string }) => {
      const app = await context.app(name ?? options.app ?? options.confirm)
      await confirmed(context, {
        name: app,
        given: options.confirm,
        loss: `destroys ${app} with its releases, logs and repository`,
      })
      const { git_url: url } = await progress(context, `Destroying ${app}`, context.api.delete<App>(appPath(app)))
      await forgetRemote(context.cwd, url)
    })
