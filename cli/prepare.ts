import type { Command } from 'commander'
import type { Context } from './context.ts'
import type { Entry } from './entry.ts'

/** A command with the manners they all share: its whole name in the usage, help on stdout, errors thrown instead of printed. */
export async function prepare(entry: Entry, context: Context): Promise<Command> {
  const made = (await entry.load())(context)
  made
    .name(`dozen ${entry.name}`)
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void context.streams.stdout.write(text),
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(context.terminal.columns, 100),
      getOutHasColors: () => context.terminal.isColored,
    })
  if (entry.aliases.length) made.addHelpText('after', `\nAlso called: ${entry.aliases.join(', ')}`)
  return made
}
