import type { Build } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { when } from '../../table.ts'
import { styled } from '../../terminal.ts'

const STYLES = { succeeded: 'green', pending: 'yellow', failed: 'red' } as const

/** GET /apps/:app/builds, newest first */
export const list: Make = (context) =>
  appCommand('builds', "list an app's builds, newest first")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const all = await context.api.list<Build>(appPath(app, 'builds'))
      const items = all.toSorted((a, b) => b.created_at.localeCompare(a.created_at))
      const row = ({ id, number, status, source_blob, user, created_at }: Build) => [
        String(number),
        id,
        styled(context.terminal, STYLES[status], status),
        source_blob.version?.slice(0, 8) ?? '',
        user.email,
        when(created_at, context.now()),
      ]
      printList(context, options, { items, title: `${app} Builds`, empty: `${app} has not been built yet.`, row })
    })
