import { command, type Make } from '../../command.ts'
import { prepare } from '../../prepare.ts'
import { find } from '../../registry.ts'

/** Options of a command, one a line with what they are after a tab, for shell completion. Nothing for a word that is no command. */
export const completeOptions: Make = (context) =>
  command('complete:options', 'print the options of a command, one a line; shell completion calls this')
    .argument('[command]', 'its name')
    .action(async (name = '') => {
      const entry = find(context.commands, name as string)
      const made = entry && (await prepare(entry, context))
      for (const { long, description } of made?.options ?? []) context.out(`${long}\t${description}`)
      if (made) context.out('--help\tshow its help')
    })
