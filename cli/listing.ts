import type { JsonOption } from './command.ts'
import type { Context } from './context.ts'
import { heading, json } from './output.ts'
import { table } from './table.ts'
import { styled } from './terminal.ts'

export type Listing<T> = {
  items: readonly T[]
  title: string
  /** A sentence for stderr when there is none: what it means, what to do. */
  empty: string
  head?: readonly string[]
  row: (item: T) => string[]
}

/** How every list prints: JSON, or a sentence when it is empty, or a heading and a table. */
export function printList<T>(context: Context, options: JsonOption, { items, title, empty, head, row }: Listing<T>): void {
  if (options.json) return json(context, items)
  if (items.length === 0) return context.err(empty)
  heading(context, title)
  const first = head ? [head.map((name) => styled(context.terminal, 'dim', name))] : []
  table([...first, ...items.map(row)]).forEach(context.out)
}

export const JSON_OPTION = ['--json', 'print them as JSON'] as const
