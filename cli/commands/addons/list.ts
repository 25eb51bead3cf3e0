import { appCommand, type AppOption, appPath, command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json } from '../../output.ts'
import type { Addon, Attachment } from '../../shapes.ts'
import { table, when } from '../../table.ts'

/** GET /apps/:app/addons and …/addon-attachments */
export const list: Make = (context) =>
  appCommand('addons', "list an app's add-ons")
    .option('--all', 'those of all your apps')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption & { all?: boolean }) => {
      const app = options.all ? undefined : await context.app(options.app)
      const [items, attachments] = await Promise.all([
        context.api.list<Addon>(app ? appPath(app, 'addons') : '/addons'),
        context.api.list<Attachment>(app ? appPath(app, 'addon-attachments') : '/addon-attachments'),
      ])
      const asNames = (id: string) => attachments.filter(({ addon }) => addon.id === id).map(({ name }) => name)
      const row = ({ id, name, plan, state, app: owner }: Addon) => [owner.name, name, plan.name, state, asNames(id).join(', ')]
      const head = ['App', 'Add-on', 'Plan', 'State', 'As']
      const empty = `${app ?? 'No app'} has ${app ? 'no ' : ''}add-ons. \`dozen addons:services\` lists what there is.`
      printList(context, options, { items, title: `${app ?? 'All'} Add-ons`, empty, head, row })
    })

/** GET /addons/:addon */
export const info: Make = (context) =>
  command('addons:info', 'show an add-on')
    .argument('<addon>', 'its name')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: JsonOption) => {
      const addon = await context.api.get<Addon>(`/addons/${encodeURIComponent(name)}`)
      if (options.json) return json(context, addon)
      table([
        ['Add-on:', addon.name],
        ['Plan:', addon.plan.name],
        ['App:', addon.app.name],
        ['State:', addon.state],
        ['Config vars:', addon.config_vars.join(', ')],
        ['Created:', when(addon.created_at, context.now())],
      ]).forEach(context.out)
    })
