import type { Make } from './command.ts'

/** What is known of a command before its module is loaded. */
export type Entry = {
  name: string
  topic: string
  summary: string
  /** Further names, Heroku's among them. */
  aliases: readonly string[]
  isHidden: boolean
  load: () => Promise<Make>
}

/** A row of the table in entries.ts. */
export type Row = [name: string, summary: string, load: () => Promise<Make>, ...aliases: string[]]

export const topic = (name: string, rows: readonly Row[]): Entry[] =>
  rows.map(([command, summary, load, ...aliases]) => ({
    topic: name,
    name: command,
    summary,
    load,
    aliases,
    isHidden: name === 'Hidden',
  }))
