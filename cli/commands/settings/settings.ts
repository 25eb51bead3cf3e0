import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { progress } from '../../output.ts'
import { parseAssignment } from '../../pairs.ts'
import type { AppSetting } from '../../shapes.ts'

/** GET /apps/:app/settings */
export const list: Make = (context) =>
  appCommand('settings', 'show how the platform treats an app: timeouts, sizes, limits')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<AppSetting>(appPath(app, 'settings'))
      const head = ['setting', 'value', '', 'what']
      const row = ({ name, value, own, about }: AppSetting) => [name, value, own ? '' : 'default', about]
      printList(context, options, { items, title: `${app} Settings`, empty: '', head, row })
    })

/** PATCH /apps/:app/settings */
export const set: Make = (context) =>
  appCommand('settings:set', 'change how the platform treats an app; at once, without a release')
    .argument('<pairs...>', 'e.g. timeout=60s max-body=10m rate-limit=100/s')
    .action(async (pairs: string[], options: AppOption) => {
      const app = await context.app(options.app)
      const body = Object.fromEntries(pairs.map(parseAssignment))
      await progress(
        context,
        `Setting ${Object.keys(body).join(', ')} of ${app}`,
        context.api.patch(appPath(app, 'settings'), body),
      )
    })

/** PATCH /apps/:app/settings with null */
export const unset: Make = (context) =>
  appCommand('settings:unset', 'give settings their defaults again')
    .argument('<names...>', 'e.g. timeout')
    .action(async (names: string[], options: AppOption) => {
      const app = await context.app(options.app)
      const body = Object.fromEntries(names.map((name) => [name, null]))
      await progress(context, `Unsetting ${names.join(', ')} of ${app}`, context.api.patch(appPath(app, 'settings'), body))
    })
