import type { ConfigVars } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { heading, json } from '../../output.ts'
import { shellQuote } from '../../pairs.ts'
import { safe, styled, width } from '../../terminal.ts'

/** GET /apps/:app/config-vars */
export const list: Make = (context) =>
  appCommand('config', "show an app's config vars")
    .option('-s, --shell', 'print them as KEY=value, quoted for a shell')
    .option('--json', 'print them as JSON')
    .action(async (options: AppOption & JsonOption & { shell?: boolean }) => {
      const app = await context.app(options.app)
      const vars = await context.api.get<ConfigVars>(appPath(app, 'config-vars'))
      if (options.json) return json(context, vars)
      if (options.shell) return Object.entries(vars).forEach(([key, value]) => context.out(`${key}=${shellQuote(value)}`))
      heading(context, `${app} Config Vars`)
      if (Object.keys(vars).length === 0) context.err(`${app} has no config vars.`)
      else print(context, vars)
    })

/** Keys aligned; the further lines of a value below its first one. */
export function print({ out, terminal }: Context, vars: ConfigVars): void {
  const column = Math.max(...Object.keys(vars).map(width)) + 2
  for (const [key, value] of Object.entries(vars)) {
    const [first = '', ...more] = value.split('\n').map((line) => safe(line))
    out(`${styled(terminal, 'green', `${safe(key)}:`)}${' '.repeat(column - width(key) - 1)}${first}`.trimEnd())
    for (const line of more) out(`${' '.repeat(column)}${line}`)
  }
}
