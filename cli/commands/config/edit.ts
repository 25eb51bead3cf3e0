import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigVars } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError, UsageError } from '../../errors.ts'
import { change } from './change.ts'

/** All config vars as JSON in $VISUAL or $EDITOR; what differs afterwards is one PATCH. */
export const edit: Make = (context) =>
  appCommand('config:edit', 'edit all config vars in your editor').action(async (options: AppOption) => {
    const app = await context.app(options.app)
    const before = await context.api.get<ConfigVars>(appPath(app, 'config-vars'))
    const after = await edited(context, before)
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key])
    if (keys.length === 0) return context.err('Nothing was changed.')
    const changes = Object.fromEntries(keys.map((key) => [key, after[key] ?? null]))
    await change(context, { app, changes, label: `Changing ${keys.join(', ')}`, wait: false })
  })

async function edited({ env }: Context, vars: ConfigVars): Promise<ConfigVars> {
  const folder = mkdtempSync(join(tmpdir(), 'dozen-config-'))
  const path = join(folder, 'config.json')
  try {
    writeFileSync(path, `${JSON.stringify(vars, null, 2)}\n`, { mode: 0o600 })
    const [program = 'vi', ...args] = (env.VISUAL || env.EDITOR || 'vi').split(/\s+/)
    await new Promise<void>((resolve, reject) => {
      const failed = (why: string) =>
        reject(new CliError(`${program} ${why}: nothing was changed.`, { hint: 'Set EDITOR to your editor.' }))
      spawn(program, [...args, path], { stdio: 'inherit' })
        .on('error', () => failed('could not be started'))
        .on('exit', (code) => (code === 0 ? resolve() : failed(`ended with status ${code}`)))
    })
    return parse(readFileSync(path, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function parse(text: string): ConfigVars {
  try {
    const vars = JSON.parse(text) as unknown
    if (vars && typeof vars === 'object' && Object.values(vars).every((value) => typeof value === 'string'))
      return vars as ConfigVars
  } catch {
    // told below
  }
  throw new UsageError('That is not a JSON object of strings: nothing was changed.')
}
