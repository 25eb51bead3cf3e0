import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'
import { type Target, targetOf } from '../../targets.ts'

/** DELETE /apps/:app/dynos, …/dynos/:dyno or …/formations/:type */
export const restart: Make = (context) =>
  appCommand('ps:restart', 'restart dynos, new before old')
    .argument('[dyno]', 'a dyno such as web.1 or a process type such as web; all when not given')
    .option('-d, --dyno-name <name>', 'a dyno, as Heroku spells it')
    .option('-p, --process-type <type>', 'a process type, as Heroku spells it')
    .action(async (name: string | undefined, options: AppOption & Target) => {
      const app = await context.app(options.app)
      const { path, label } = targetOf(name, options)
      await progress(context, `Restarting ${label} on ${app}`, context.api.delete(appPath(app, ...path)))
    })
