import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'
import { progress } from '../../output.ts'
import type { Webhook } from '../../shapes.ts'
import { safe } from '../../terminal.ts'

type Options = AppOption & { url?: string; include?: string; level?: string; secret?: string; authorization?: string }

const withOptions = (name: string, summary: string) =>
  appCommand(name, summary)
    .option('-u, --url <url>', 'where events are sent')
    .option('-i, --include <list>', 'which events, e.g. api:release,api:build')
    .option('-l, --level <level>', 'notify (sent once) or sync (tried again)')
    .option('-s, --secret <text>', 'what signs them; one is made up when not given')
    .option('-t, --authorization <text>', 'an Authorization header to send')

const bodyOf = ({ app: _, include, ...rest }: Options) => ({ ...rest, ...(include && { include: include.split(',') }) })

/** POST /apps/:app/webhooks; the secret that the server made comes in the header Heroku-Webhook-Secret. */
export const add: Make = (context) =>
  withOptions('webhooks:add', "have an app's events sent to a URL").action(async (options: Options) => {
    if (!options.url || !options.include)
      throw new UsageError('Say where (--url) and which events (--include, e.g. api:release).')
    const app = await context.app(options.app)
    const body = { level: 'notify', ...bodyOf(options) }
    const made = context.api.open('POST', appPath(app, 'webhooks'), { body })
    const { headers } = await progress(
      context,
      `Adding webhook to ${app}`,
      made.then((response) => response.resume()),
    )
    const secret = headers['heroku-webhook-secret']
    if (!secret || options.secret) return
    context.err('Its signing secret is shown only now:')
    context.out(safe(String(secret)))
  })

/** PATCH /apps/:app/webhooks/:id */
export const update: Make = (context) =>
  withOptions('webhooks:update', 'change a webhook')
    .argument('<id>', 'its id')
    .action(async (id: string, options: Options) => {
      const app = await context.app(options.app)
      await progress(context, `Updating webhook ${id}`, context.api.patch<Webhook>(appPath(app, 'webhooks', id), bodyOf(options)))
    })

/** DELETE /apps/:app/webhooks/:id */
export const remove: Make = (context) =>
  appCommand('webhooks:remove', 'remove a webhook')
    .argument('<id>', 'its id')
    .action(async (id: string, options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Removing webhook ${id} from ${app}`, context.api.delete(appPath(app, 'webhooks', id)))
    })
