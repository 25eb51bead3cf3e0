import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import type { Collaborator } from '../../shapes.ts'

/** GET /apps/:app/collaborators */
export const list: Make = (context) =>
  appCommand('access', 'list who may work on an app')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Collaborator>(appPath(app, 'collaborators'))
      const row = ({ user, role }: Collaborator) => [user.email, role ?? 'collaborator']
      printList(context, options, { items, title: `${app} Access`, empty: `Only its owner may work on ${app}.`, row })
    })
