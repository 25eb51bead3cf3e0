import { command, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { UsageError } from '../../errors.ts'
import { ENTRIES, find, suggest } from '../../registry.ts'
import { table } from '../../table.ts'
import { styled } from '../../terminal.ts'

export const help: Make = (context) =>
  command('help', 'list the commands, or explain one')
    .argument('[command]', 'e.g. config:set')
    .action(async (name: string | undefined) => {
      if (name === undefined) return overview(context)
      const entry = find(name)
      const below = ENTRIES.filter((other) => other.name.startsWith(`${name}:`) && !other.isHidden)
      if (!entry && below.length === 0) {
        const meant = suggest(name)
        throw new UsageError(
          `There is no help on ${JSON.stringify(name)}.`,
          meant ? { hint: `Did you mean \`dozen help ${meant}\`?` } : {},
        )
      }
      if (entry)
        (await entry.load())(context)
          .name(`dozen ${entry.name}`)
          .configureOutput({ writeOut: (text) => context.streams.stdout.write(text) })
          .outputHelp()
      if (below.length === 0) return
      context.out(`${entry ? '\n' : ''}Commands:`)
      table(below.map(({ name, summary }) => [`  ${name}`, summary])).forEach(context.out)
    })

function overview(context: Context): void {
  const { out, terminal } = context
  out('dozen — a twelve-factor platform for your own machine')
  out('')
  out('Usage: dozen <command> [arguments] [-a app]')
  const topics = new Map<string, string[][]>()
  for (const { topic, name, summary, isHidden } of ENTRIES) {
    if (!isHidden) topics.set(topic, [...(topics.get(topic) ?? []), [`  ${name.padEnd(22)}`, summary]])
  }
  for (const [topic, rows] of topics) {
    out(`\n${styled(terminal, 'bold', topic)}`)
    table(rows, { gap: ' ' }).forEach(out)
  }
  out('\n`dozen help <command>` explains one. Every list takes --json.')
}
