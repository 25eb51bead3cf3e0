import type { Dyno } from '../../../server/api/wire.ts'
import { type AppOption, appPath } from '../../command.ts'
import type { Context } from '../../context.ts'
import { UsageError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { commandLine } from '../../pairs.ts'

export type RunOptions = AppOption & {
  detached?: boolean
  tty: boolean
  env?: string[]
  size?: string
  type?: string
  exitCode?: boolean
}

/** The part of the body that both kinds of run share. */
export function request(words: readonly string[], options: RunOptions, terminal: Record<string, string | number> = {}) {
  const wrong = options.env?.find((text) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(text))
  if (wrong) throw new UsageError(`${JSON.stringify(wrong)} is not KEY=value.`)
  const extra = Object.fromEntries(
    (options.env ?? []).map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]),
  )
  const { size, type } = options
  return { command: commandLine(words), env: { ...terminal, ...extra }, ...(size && { size }), ...(type && { type }) }
}

export async function detach(
  context: Context,
  app: string,
  { words, ...options }: RunOptions & { words: string[] },
): Promise<void> {
  const made = context.api.post<Dyno>(appPath(app, 'dynos'), { ...request(words, options), attach: false })
  const { name } = await progress(context, `Running ${words.join(' ')} on ${app}`, made, (dyno) => dyno.name)
  context.err(`\`dozen logs -a ${app} --dyno ${name}\` shows its output.`)
  context.out(name)
}
