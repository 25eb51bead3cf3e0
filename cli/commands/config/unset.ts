import { appCommand, type AppOption, type Make } from '../../command.ts'
import { change } from './change.ts'

/** PATCH /apps/:app/config-vars with null values. */
export const unset: Make = (context) =>
  appCommand('config:unset', 'remove config vars, which makes a release')
    .argument('<key...>', 'one or more keys')
    .option('-w, --wait', 'wait until the release serves, or say why it does not')
    .action(async (keys: string[], options: AppOption & { wait?: boolean }) => {
      const app = await context.app(options.app)
      const changes = Object.fromEntries(keys.map((key) => [key, null]))
      await change(context, { app, changes, label: `Unsetting ${keys.join(', ')}`, wait: options.wait ?? false })
    })
