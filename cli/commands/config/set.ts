import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigVars } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { heading } from '../../output.ts'
import { parseAssignment } from '../../pairs.ts'
import { parseVars } from '../../dotenv.ts'
import { CliError, UsageError } from '../../errors.ts'
import { wholeInput } from '../../input.ts'
import { change } from './change.ts'
import { print } from './list.ts'

/** PATCH /apps/:app/config-vars; one release for all of them. */
export const set: Make = (context) =>
  appCommand('config:set', 'set config vars, which makes a release')
    .argument('[KEY=value...]', 'e.g. GREETING=hello LEVEL=debug')
    .option('-f, --from <file>', 'also those of a file: KEY=value lines or a JSON object; - is standard input')
    .option('-w, --wait', 'wait until the release serves, or say why it does not')
    .action(async (pairs: string[], options: AppOption & { wait?: boolean; from?: string }) => {
      const changes = { ...(await fromFile(context, options.from)), ...Object.fromEntries(pairs.map(parseAssignment)) }
      if (Object.keys(changes).length === 0) throw new UsageError('Say what to set: KEY=value, or --from a file.')
      const app = await context.app(options.app)
      const keys = Object.keys(changes)
      const vars = await change(context, { app, changes, label: `Setting ${keys.join(', ')}`, wait: options.wait ?? false })
      heading(context, `${app} Config Vars`)
      print(context, Object.fromEntries(keys.map((key) => [key, vars[key] ?? ''])) satisfies ConfigVars)
    })

async function fromFile({ cwd, streams }: Context, path: string | undefined): Promise<Record<string, string>> {
  if (path === undefined) return {}
  if (path === '-') return parseVars(await wholeInput(streams.stdin))
  try {
    return parseVars(readFileSync(resolve(cwd, path), 'utf8'))
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError(`${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
}
