import type { App } from '../../../server/api/wire.ts'
import { appCommand, command, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { heading, json, progress } from '../../output.ts'
import type { Rebuilt, Stack } from '../../shapes.ts'
import { safe } from '../../terminal.ts'

/** GET /stacks; `*` marks the app's */
export const show: Make = (context) =>
  appCommand('stack', 'show what an app is built on')
    .option('--json', 'print the stacks as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const name = await context.app(options.app)
      const [app, stacks] = await Promise.all([context.api.get<App>(appPath(name)), context.api.list<Stack>('/stacks')])
      if (options.json) return json(context, stacks)
      heading(context, `${name} Available Stacks`)
      for (const stack of stacks) context.out(`${stack.name === app.stack.name ? '*' : ' '} ${safe(stack.name)}`)
    })

/** PATCH /apps/:app `{build_stack}` */
export const set: Make = (context) =>
  appCommand('stack:set', 'set what an app is built on, from its next deploy on')
    .argument('<stack>', 'e.g. container for a Dockerfile')
    .action(async (stack: string, options: AppOption) => {
      const app = await context.app(options.app)
      const changed = context.api.patch<App>(appPath(app), { build_stack: stack })
      await progress(context, `Setting stack of ${app} to ${stack}`, changed)
      context.err('The next deploy uses it.')
    })

/** POST /stacks/:stack/rebuild */
export const rebuild: Make = (context) =>
  command('stack:rebuild', 'rebuild a stack with the security updates of today; the next build of every app uses it')
    .argument('[stack]', 'its name', 'heroku-22')
    .action(async (name: string) => {
      const done = context.api.postPatiently<Rebuilt>(`/stacks/${encodeURIComponent(name)}/rebuild`)
      await progress(context, `Rebuilding ${name}, which takes some minutes`, done)
      const { images } = await done
      context.out(`build  ${images.build}`)
      context.out(`run    ${images.run}`)
    })
