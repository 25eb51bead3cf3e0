import type { ConfigVars } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { json } from '../../output.ts'
import { shellQuote } from '../../pairs.ts'
import { safe } from '../../terminal.ts'

/** GET /apps/:app/config-vars; prints values byte for byte, each with a line end; on a terminal without what it would obey. */
export const get: Make = (context) =>
  appCommand('config:get', 'print the value of a config var')
    .argument('<key...>', 'one or more keys')
    .option('-s, --shell', 'print KEY=value, quoted for a shell')
    .option('--json', 'print them as JSON')
    .action(async (keys: string[], options: AppOption & JsonOption & { shell?: boolean }) => {
      const app = await context.app(options.app)
      const vars = await context.api.get<ConfigVars>(appPath(app, 'config-vars'))
      const missing = keys.filter((key) => !Object.hasOwn(vars, key))
      if (missing.length)
        throw new CliError(`${app} has no config var ${missing.join(', ')}.`, { hint: `\`dozen config -a ${app}\` lists them.` })
      if (options.json) return json(context, Object.fromEntries(keys.map((key) => [key, vars[key]])))
      const shown = (text: string) =>
        context.terminal.isOutput
          ? text
              .split('\n')
              .map((line) => safe(line))
              .join('\n')
          : text
      for (const key of keys) context.out(shown(options.shell ? `${key}=${shellQuote(vars[key]!)}` : vars[key]!))
    })
