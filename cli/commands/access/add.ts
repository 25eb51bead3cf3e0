import type { Account } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** POST /apps/:app/collaborators */
export const add: Make = (context) =>
  appCommand('access:add', 'let someone work on an app')
    .argument('<email>', 'their account')
    .option('-p, --permissions <list>', 'view, deploy, operate, manage; separated by commas (default: the first three)')
    .action(async (email: string, options: AppOption & { permissions?: string }) => {
      const app = await context.app(options.app)
      const permissions = options.permissions?.split(',').map((name) => name.trim())
      await progress(
        context,
        `Adding ${email} to ${app}`,
        context.api.post(appPath(app, 'collaborators'), { user: email, ...(permissions && { permissions }) }),
      )
    })

/** DELETE /apps/:app/collaborators/:email */
export const remove: Make = (context) =>
  appCommand('access:remove', 'no longer let someone work on an app')
    .argument('<email>', 'their account')
    .action(async (email: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing ${email} from ${app}`, context.api.delete(appPath(app, 'collaborators', email)))
    })

/** PATCH /apps/:app/collaborators/:email */
export const update: Make = (context) =>
  appCommand('access:update', 'change what someone may do with an app')
    .argument('<email>', 'their account')
    .requiredOption('-p, --permissions <list>', 'view, deploy, operate, manage; separated by commas')
    .action(async (email: string, options: AppOption & { permissions: string }) => {
      const app = await context.app(options.app)
      const permissions = options.permissions.split(',').map((name) => name.trim())
      await progress(
        context,
        `Updating ${email} on ${app}`,
        context.api.patch(appPath(app, 'collaborators', email), { permissions }),
      )
    })

/** DELETE /apps/:app/collaborators/:email of oneself */
export const leave: Make = (context) =>
  appCommand('apps:leave', "no longer work on someone else's app").action(async (options: AppOption) => {
    const app = await context.app(options.app)
    const { email } = await context.api.get<Account>('/account')
    await progress(context, `Leaving ${app}`, context.api.delete(appPath(app, 'collaborators', email)))
  })
