import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** DELETE /apps/:app/domains/:hostname */
export const remove: Make = (context) =>
  appCommand('domains:remove', 'stop answering for a host name')
    .argument('<hostname>', 'the host name')
    .action(async (hostname: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing ${hostname} from ${app}`, context.api.delete(appPath(app, 'domains', hostname)))
    })
