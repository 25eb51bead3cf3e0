import { command, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'

/** Prints the token in use, for scripts: `curl -H "Authorization: Bearer $(dozen token)"`. */
export const token: Make = (context) =>
  command('token', 'print the token in use').action(() => {
    const { value, from } = context.settings.token()
    if (!value) throw new CliError('No token is set.', { hint: 'Run `dozen login`, or set DOZEN_TOKEN.' })
    if (context.terminal.isError) context.err(`It came from ${from}. Whoever has it can do what you can.`)
    context.out(value)
  })
