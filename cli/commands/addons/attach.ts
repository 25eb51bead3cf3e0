import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { progress } from '../../output.ts'
import type { Attachment } from '../../shapes.ts'

type AttachOptions = AppOption & { as?: string; confirm?: string }

/** POST /addon-attachments */
export const attach: Make = (context) =>
  appCommand('addons:attach', 'attach an add-on to another app too')
    .argument('<addon>', 'its name')
    .option('--as <NAME>', 'what its config var is called, without _URL')
    .option('--confirm <app>', "the app's name, where a config var would be overwritten")
    .action(async (addon: string, { as, confirm, ...options }: AttachOptions) => {
      const app = await context.app(options.app)
      const body = { addon: { name: addon }, app: { name: app }, ...(as && { name: as }), ...(confirm && { confirm }) }
      const made = context.api.post<Attachment>('/addon-attachments', body)
      await progress(context, `Attaching ${addon} to ${app}`, made, ({ name }) => name)
    })

/** DELETE /addon-attachments/:id */
export const detach: Make = (context) =>
  appCommand('addons:detach', 'take an add-on from an app; it stays')
    .argument('<attachment>', 'what it is attached as, e.g. DATABASE')
    .action(async (name: string, options: AppOption) => {
      const app = await context.app(options.app)
      const { id } = await context.api.get<Attachment>(appPath(app, 'addon-attachments', name))
      await progress(context, `Detaching ${name} from ${app}`, context.api.delete(`/addon-attachments/${id}`))
    })
