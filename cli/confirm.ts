import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { line } from './input.ts'

/** What `name` would lose, as a whole clause: "destroys shop with its releases, for good". */
type Question = { name: string; given: string | undefined; loss: string }

/** Returns once `name` has been said twice: by `given` (`--confirm`), or typed on a terminal. Throws UsageError when it was not. */
export async function confirmed(context: Context, { name, given, loss }: Question): Promise<void> {
  const said = given ?? (await ask(context, name, loss))
  if (said !== name)
    throw new UsageError(`The confirmation ${JSON.stringify(said)} is not ${JSON.stringify(name)}: nothing was done.`)
}

function ask(context: Context, name: string, loss: string): Promise<string> {
  if (!context.terminal.isInput)
    throw new UsageError(`This ${loss}, for good.`, { hint: `If you mean it, add --confirm ${name}` })
  context.err(`This ${loss}, for good.`)
  return line(context.streams, `Type ${name} to go on: `)
}
