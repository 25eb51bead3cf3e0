import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { json, progress } from '../../output.ts'

/** GET /apps/:app */
export const show: Make = (context) =>
  appCommand('maintenance', "say whether an app's visitors get the maintenance page")
    .option('--json', 'print it as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const { maintenance } = await context.api.get<App>(appPath(await context.app(options.app)))
      if (options.json) json(context, { maintenance })
      else context.out(maintenance ? 'on' : 'off')
    })

const turn = (state: 'on' | 'off', summary: string): Make => {
  const label = { on: 'Enabling', off: 'Disabling' }[state]
  return (context) =>
    appCommand(`maintenance:${state}`, summary).action(async (options: AppOption) => {
      const app = await context.app(options.app)
      const changed = context.api.patch<App>(appPath(app), { maintenance: state === 'on' })
      await progress(context, `${label} maintenance mode for ${app}`, changed)
    })
}

/** PATCH /apps/:app `{maintenance: true}` */
export const on = turn('on', 'show visitors the maintenance page; dynos go on')
/** PATCH /apps/:app `{maintenance: false}` */
export const off = turn('off', 'let visitors in again')
