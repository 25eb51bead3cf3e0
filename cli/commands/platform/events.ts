import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { parseCount } from '../../pairs.ts'
import type { PlatformEvent } from '../../shapes.ts'
import { when } from '../../table.ts'

/** GET /apps/:app/events or /events, newest first */
export const events: Make = (context) =>
  appCommand('events', 'list what happened to an app: who did what, what dozen did and why')
    .option('-n, --num <count>', 'how many', parseCount, 30)
    .option('--all', 'of all apps and accounts (for admins)')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption & { num: number; all?: boolean }) => {
      const app = options.all ? 'All' : await context.app(options.app)
      const items = await context.api.page<PlatformEvent>(
        options.all ? '/events' : appPath(app, 'events'),
        `created_at ..; order=desc,max=${options.num}`,
      )
      const row = (event: PlatformEvent) => [
        when(event.created_at, context.now()),
        [event.action, event.resource].filter(Boolean).join(' '),
        event.description ?? '',
        event.actor?.email ?? 'dozen',
      ]
      printList(context, options, { items, title: `${app} Events`, empty: 'Nothing has happened yet.', row })
    })
