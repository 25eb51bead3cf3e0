import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json } from '../../output.ts'
import type { Webhook, WebhookDelivery } from '../../shapes.ts'
import { table, when } from '../../table.ts'

/** GET /apps/:app/webhooks */
export const list: Make = (context) =>
  appCommand('webhooks', "list who is told of an app's events")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Webhook>(appPath(app, 'webhooks'))
      const row = ({ id, url, include, level }: Webhook) => [id, url, include.join(','), level]
      const head = ['Webhook ID', 'URL', 'Include', 'Level']
      printList(context, options, { items, title: `${app} Webhooks`, empty: `${app} has no webhooks.`, head, row })
    })

/** GET /apps/:app/webhooks/:id */
export const info: Make = (context) =>
  appCommand('webhooks:info', 'show a webhook')
    .argument('<id>', 'its id')
    .option('--json', 'print it as JSON')
    .action(async (id: string, options: AppOption & JsonOption) => {
      const webhook = await context.api.get<Webhook>(appPath(await context.app(options.app), 'webhooks', id))
      if (options.json) return json(context, webhook)
      table([
        ['Webhook ID:', webhook.id],
        ['URL:', webhook.url],
        ['Include:', webhook.include.join(',')],
        ['Level:', webhook.level],
        ['Created:', when(webhook.created_at, context.now())],
      ]).forEach(context.out)
    })

/** GET /apps/:app/webhook-deliveries */
export const deliveries: Make = (context) =>
  appCommand('webhooks:deliveries', 'list what was sent to webhooks, and how it went')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<WebhookDelivery>(appPath(app, 'webhook-deliveries'))
      const row = (one: WebhookDelivery) => {
        const last = one.last_attempt?.error_class ?? String(one.last_attempt?.code ?? '')
        return [one.id, one.event.include, one.status, String(one.num_attempts), last, when(one.created_at, context.now())]
      }
      const head = ['Delivery ID', 'Event', 'Status', 'Attempts', 'Last', 'Created']
      printList(context, options, { items, title: `${app} Webhook Deliveries`, empty: 'Nothing was sent yet.', head, row })
    })

type WebhookEvent = { id: string; include: string; payload: { action: string; resource: string }; created_at: string }

/** GET /apps/:app/webhook-events */
export const events: Make = (context) =>
  appCommand('webhooks:events', 'list the events that webhooks were told of')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<WebhookEvent>(appPath(app, 'webhook-events'))
      const row = ({ id, payload, created_at: at }: WebhookEvent) => [
        id,
        payload.resource,
        payload.action,
        when(at, context.now()),
      ]
      const head = ['Event ID', 'Resource', 'Action', 'Created']
      printList(context, options, {
        items,
        title: `${app} Webhook Events`,
        empty: 'Webhooks were told of nothing yet.',
        head,
        row,
      })
    })
