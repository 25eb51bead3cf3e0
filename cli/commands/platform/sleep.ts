import { Argument } from 'commander'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'
import type { Feature } from '../../shapes.ts'

/** The app's feature `sleep`: GET or PATCH /apps/:app/features/sleep */
export const sleep: Make = (context) =>
  appCommand('sleep', 'let an app sleep while nobody visits it; the next visit wakes it')
    .addArgument(new Argument('[state]', 'what to set; what is set when not given').choices(['on', 'off']))
    .action(async (state: 'on' | 'off' | undefined, options: AppOption) => {
      const app = await context.app(options.app)
      const path = appPath(app, 'features', 'sleep')
      if (!state) return context.out((await context.api.get<Feature>(path)).enabled ? 'on' : 'off')
      await progress(context, `Turning sleep ${state} for ${app}`, context.api.patch<Feature>(path, { enabled: state === 'on' }))
    })
