import type { Authorization } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { when } from '../../table.ts'

/** GET /oauth/authorizations */
export const list: Make = (context) =>
  command('authorizations', 'list your tokens')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<Authorization>('/oauth/authorizations')
      const title = 'Authorizations'
      const row = (item: Authorization) => [item.description, item.id, item.scope.join(','), when(item.created_at, context.now())]
      printList(context, options, { items, title, empty: 'You have no tokens besides the one in use.', row })
    })
