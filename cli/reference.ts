import type { Argument, Command } from 'commander'
import type { Context } from './context.ts'
import { ENTRIES } from './entries.ts'
import type { Entry } from './entry.ts'
import { TOPICS } from './topics.ts'

/** docs/cli.md: every command with its usage, made from the commands themselves. `npx vitest run -u cli/reference` writes it. */
export async function reference(): Promise<string> {
  const groups = new Map<string, Entry[]>()
  for (const entry of ENTRIES) if (!entry.isHidden) groups.set(entry.topic, [...(groups.get(entry.topic) ?? []), entry])
  const sections: string[] = []
  for (const [group, entries] of groups) {
    const commands = await Promise.all(entries.map(describe))
    sections.push(`## ${group}\n\n${commands.join('\n\n')}`)
  }
  return `${HEAD}\n\n${sections.join('\n\n')}\n\n## Topics\n\n${Object.values(TOPICS).map(block).join('\n\n')}\n`
}

const HEAD = `# The commands

This page is made from the commands themselves; a test checks that it is current. \`dozen help <command>\` shows the same.
Commands that act on an app take \`-a, --app <name>\`; without it the app is that of \`DOZEN_APP\`, else of the git remote \`dozen\` of the folder.`

const block = ({ text }: { text: string }): string => `\`\`\`text\n${text}\n\`\`\``

/** A command is made without anything to act on: only its shape is looked at. */
async function describe(entry: Entry): Promise<string> {
  const made = (await entry.load())({} as Context)
  const lines = [...made.registeredArguments.map(argument), ...options(made)]
  const also = entry.aliases.length ? `Also called ${entry.aliases.map((name) => `\`${name}\``).join(', ')}.` : ''
  return [`### \`${usage(entry, made)}\``, sentence(made.description()), lines.join('\n'), also].filter(Boolean).join('\n\n')
}

const usage = (entry: Entry, made: Command): string =>
  ['dozen', entry.name, ...made.registeredArguments.map(placeholder), ...(options(made).length ? ['[options]'] : [])].join(' ')

const placeholder = (one: Argument): string => {
  const name = `${one.name()}${one.variadic ? '...' : ''}`
  return one.required ? `<${name}>` : `[${name}]`
}

const argument = (one: Argument): string => `- \`${placeholder(one)}\`: ${one.description}${choices(one.argChoices)}`
const choices = (list: readonly string[] | undefined): string => (list ? ` (${list.join(', ')})` : '')

const options = (made: Command): string[] =>
  made.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description, defaultValue, negate }) => {
      const preset =
        defaultValue === undefined || typeof defaultValue === 'boolean' || negate ? '' : ` (default ${String(defaultValue)})`
      return `- \`${flags}\`: ${description}${preset}`
    })

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
