import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { moveRemote } from '../../git.ts'
import { progress } from '../../output.ts'

/** PATCH /apps/:app `{name}` */
export const rename: Make = (context) =>
  appCommand('apps:rename', 'give an app another name')
    .argument('<name>', 'the new name')
    .action(async (name: string, options: AppOption) => {
      const app = await context.app(options.app)
      const { git_url: before } = await context.api.get<App>(appPath(app))
      const { web_url, git_url } = await progress(
        context,
        `Renaming ${app} to ${name}`,
        context.api.patch<App>(appPath(app), { name }),
      )
      if (await moveRemote(context.cwd, before, git_url)) context.err('Git remote dozen updated')
      context.out(`${web_url} | ${git_url}`)
    })
