import type { Context } from './context.ts'
import type { Entry } from './entry.ts'
import { table } from './table.ts'
import { styled } from './terminal.ts'

/** What the short overview shows besides the commands whose names have one part. */
const COMMON = [
  'config:set',
  'config:get',
  'config:unset',
  'ps:scale',
  'ps:restart',
  'domains:add',
  'releases:diff',
  'maintenance:on',
]

/** What a bare `dozen` prints: the commands by topic, those of two parts only where they are usual or `isWhole`. */
export function overview({ out, terminal, commands }: Context, isWhole: boolean): void {
  out('dozen — a twelve-factor platform for your own machine')
  out('')
  out('Usage: dozen <command> [arguments] [-a app]')
  const groups = new Map<string, Entry[]>()
  const isShown = ({ name, isHidden }: Entry) => !isHidden && (isWhole || !name.includes(':') || COMMON.includes(name))
  for (const entry of commands.filter(isShown)) groups.set(entry.topic, [...(groups.get(entry.topic) ?? []), entry])
  const column = Math.max(...commands.filter(isShown).map(({ name }) => name.length))
  for (const [group, entries] of groups) {
    out(`\n${styled(terminal, 'bold', group)}`)
    table(entries.map(({ name, summary }) => [`  ${name.padEnd(column)}`, summary])).forEach(out)
  }
  out('')
  out('`dozen help <command>` explains one and shows its like (`dozen help config`); every list takes --json.')
  out(`${isWhole ? '' : '`dozen help all` lists every command, '}\`dozen help topics\` what else there is to read.`)
}
