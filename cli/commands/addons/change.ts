import { appCommand, type AppOption, appPath, command, type Make } from '../../command.ts'
import { confirmed } from '../../confirm.ts'
import { progress } from '../../output.ts'
import type { Addon } from '../../shapes.ts'
import { safe } from '../../terminal.ts'

type CreateOptions = AppOption & { name?: string; as?: string; confirm?: string }

const addonPath = (name: string, ...rest: string[]) => ['/addons', encodeURIComponent(name), ...rest].join('/')

/** POST /apps/:app/addons */
export const create: Make = (context) =>
  appCommand('addons:create', 'make an add-on and attach it to an app')
    .argument('<service>', 'a service, or service:plan')
    .option('--name <name>', 'its name')
    .option('--as <NAME>', 'what its config var is called, without _URL')
    .option('--confirm <app>', "the app's name, where a config var would be overwritten")
    .action(async (plan: string, { name, as, confirm, ...options }: CreateOptions) => {
      const app = await context.app(options.app)
      const made = context.api.post<Addon>(appPath(app, 'addons'), {
        plan: { name: plan },
        ...(name && { name }),
        ...(as && { attachment: { name: as } }),
        ...(confirm && { confirm }),
      })
      const addon = await progress(context, `Creating ${plan} on ${app}`, made, ({ state }) => state)
      if (addon.provision_message) context.err(safe(addon.provision_message))
      context.out(safe(`${addon.name} ${addon.config_vars.join(' ')}`.trimEnd()))
    })

/** DELETE /apps/:app/addons/:addon */
export const destroy: Make = (context) =>
  command('addons:destroy', 'remove an add-on with its data, for good')
    .argument('<addon>', 'its name')
    .option('-c, --confirm <app>', 'the name of its app, to ask no question')
    .action(async (name: string, options: { confirm?: string }) => {
      const addon = await context.api.get<Addon>(addonPath(name))
      const loss = `destroys ${addon.name} of ${addon.app.name} with its data`
      await confirmed(context, { name: addon.app.name, given: options.confirm, loss })
      const gone = context.api.delete<Addon>(appPath(addon.app.name, 'addons', addon.id))
      await progress(context, `Destroying ${addon.name} on ${addon.app.name}`, gone)
    })
