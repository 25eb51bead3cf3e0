import { command, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { UsageError } from '../../errors.ts'
import { overview } from '../../overview.ts'
import { prepare } from '../../prepare.ts'
import type { Entry } from '../../entry.ts'
import { find, suggest } from '../../registry.ts'
import { table } from '../../table.ts'
import { TOPICS } from '../../topics.ts'

export const help: Make = (context) =>
  command('help', 'list the commands, or explain one')
    .argument('[subject]', 'a command such as config:set, a group such as releases, or a topic; `dozen help topics` lists those')
    .action(async (subject: string | undefined) => {
      if (subject === undefined || subject === 'all') return overview(context, subject === 'all')
      if (subject === 'topics') return topics(context)
      const entry = find(context.commands, subject)
      const below = context.commands.filter((other) => other.name.startsWith(`${subject}:`) && !other.isHidden)
      const topic = TOPICS[subject]
      if (!entry && !topic && below.length === 0) throw unknown(context, subject)
      if (topic) context.out(entry ? `${topic.text}\n` : topic.text)
      if (entry) (await prepare(entry, context)).outputHelp()
      if (below.length === 0) return
      context.out(`${entry || topic ? '\n' : ''}Commands:`)
      table(below.map(row)).forEach(context.out)
    })

const row = ({ name, summary }: Entry): string[] => [`  ${name}`, summary]

function unknown({ commands }: Context, subject: string): UsageError {
  const meant = suggest(commands, subject)
  const hint = `${meant ? `Did you mean \`dozen help ${meant}\`? ` : ''}\`dozen help\` lists the commands, \`dozen help topics\` the topics.`
  return new UsageError(`There is no help on ${JSON.stringify(subject)}.`, { hint })
}

function topics({ out }: Context): void {
  out('Topics, to be read with `dozen help <topic>`:')
  table(Object.entries(TOPICS).map(([name, { summary }]) => [`  ${name}`, summary])).forEach(out)
}
