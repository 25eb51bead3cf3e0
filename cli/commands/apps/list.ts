import type { Account, App } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { heading, json } from '../../output.ts'
import { table } from '../../table.ts'

/** GET /apps */
export const list: Make = (context) =>
  command('apps', 'list your apps')
    .option('--json', 'print them as JSON')
    .action(async (options: JsonOption) => {
      const [apps, { email }] = await Promise.all([context.api.list<App>('/apps'), context.api.get<Account>('/account')])
      if (options.json) return json(context, apps)
      if (apps.length === 0) return context.err('You have no apps yet. Make one with `dozen create`.')
      heading(context, `${email} Apps`)
      const row = (app: App) => [app.name, app.web_url, ...(app.owner.email === email ? [] : [app.owner.email])]
      table(apps.map(row)).forEach(context.out)
    })
