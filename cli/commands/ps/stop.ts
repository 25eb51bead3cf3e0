import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { type Target, targetOf } from '../../targets.ts'

/** POST /apps/:app/dynos/:dyno/actions/stop or …/formations/:type/actions/stop */
export const stop: Make = (context) =>
  appCommand('ps:stop', 'stop a dyno, until the next restart, scale or release')
    .argument('[dyno]', 'a dyno such as web.1 or run.7, or a process type such as worker')
    .option('-d, --dyno-name <name>', 'a dyno, as Heroku spells it')
    .option('-p, --process-type <type>', 'a process type, as Heroku spells it')
    .action(async (name: string | undefined, options: AppOption & Target) => {
      const { path, label } = targetOf(name, options)
      if (path.length === 1) throw new UsageError('Say which dyno or process type to stop, e.g. `dozen ps:stop run.7`.')
      const app = await context.app(options.app)
      await progress(context, `Stopping ${label} on ${app}`, context.api.post(appPath(app, ...path, 'actions', 'stop')))
    })
