import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json, progress } from '../../output.ts'
import type { Feature } from '../../shapes.ts'
import { table } from '../../table.ts'

/** GET /apps/:app/features */
export const list: Make = (context) =>
  appCommand('features', 'list what can be switched on for an app')
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<Feature>(appPath(app, 'features'))
      const row = ({ enabled, name, description }: Feature) => [enabled ? '[+]' : '[ ]', name, description]
      printList(context, options, { items, title: `${app} Features`, empty: 'There are none.', row })
    })

/** GET /apps/:app/features/:feature */
export const info: Make = (context) =>
  appCommand('features:info', 'explain a feature')
    .argument('<feature>', 'its name')
    .option('--json', 'print it as JSON')
    .action(async (name: string, options: AppOption & JsonOption) => {
      const feature = await context.api.get<Feature>(appPath(await context.app(options.app), 'features', name))
      if (options.json) return json(context, feature)
      const { description, enabled, state } = feature
      table([
        ['Feature:', feature.name],
        ['Description:', description],
        ['Enabled:', String(enabled)],
        ['State:', state],
      ]).forEach(context.out)
    })

const turn = (verb: 'enable' | 'disable', summary: string): Make => {
  const label = { enable: 'Enabling', disable: 'Disabling' }[verb]
  return (context) =>
    appCommand(`features:${verb}`, summary)
      .argument('<feature>', 'its name')
      .action(async (name: string, options: AppOption) => {
        const app = await context.app(options.app)
        const changed = context.api.patch<Feature>(appPath(app, 'features', name), { enabled: verb === 'enable' })
        await progress(context, `${label} ${name} for ${app}`, changed)
      })
}

export const enable = turn('enable', 'switch a feature on')
export const disable = turn('disable', 'switch a feature off')
