import { command, type JsonOption, type Make } from '../../command.ts'
import { herokuEnv } from '../../heroku-env.ts'
import { json } from '../../output.ts'
import { shellQuote } from '../../pairs.ts'

/** For `eval "$(dozen env)"`. */
export const env: Make = (context) =>
  command('env', "print the environment in which Heroku's own client talks to this dozen")
    .option('--json', 'print it as JSON')
    .action((options: JsonOption) => {
      const settings = herokuEnv(context)
      if (options.json) return json(context, settings)
      for (const [key, value] of Object.entries(settings)) context.out(`export ${key}=${shellQuote(value)}`)
      if (context.terminal.isError) context.err('# for a shell: eval "$(dozen env)". The token is among it.')
    })
