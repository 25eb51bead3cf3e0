import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** POST /apps/:app/collaborators */
export const add: Make = (context) =>
  appCommand('access:add', 'let someone work on an app')
    .argument('<email>', 'their account')
    .action(async (email: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Adding ${email} to ${app}`, context.api.post(appPath(app, 'collaborators'), { user: email }))
    })

/** DELETE /apps/:app/collaborators/:email */
export const remove: Make = (context) =>
  appCommand('access:remove', 'no longer let someone work on an app')
    .argument('<email>', 'their account')
    .action(async (email: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing ${email} from ${app}`, context.api.delete(appPath(app, 'collaborators', email)))
    })
