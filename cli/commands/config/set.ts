import type { ConfigVars } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, type Make } from '../../command.ts'
import { heading } from '../../output.ts'
import { parseAssignment } from '../../pairs.ts'
import { change } from './change.ts'
import { print } from './list.ts'

/** PATCH /apps/:app/config-vars; one release for all of them. */
export const set: Make = (context) =>
  appCommand('config:set', 'set config vars, which makes a release')
    .argument('<KEY=value...>', 'e.g. GREETING=hello LEVEL=debug')
    .option('-w, --wait', 'wait until the release serves, or say why it does not')
    .action(async (pairs: string[], options: AppOption & { wait?: boolean }) => {
      const changes = Object.fromEntries(pairs.map(parseAssignment))
      const app = await context.app(options.app)
      const keys = Object.keys(changes)
      const vars = await change(context, { app, changes, label: `Setting ${keys.join(', ')}`, wait: options.wait ?? false })
      heading(context, `${app} Config Vars`)
      print(context, Object.fromEntries(keys.map((key) => [key, vars[key] ?? ''])) satisfies ConfigVars)
    })
