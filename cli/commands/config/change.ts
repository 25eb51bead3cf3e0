import type { ConfigVars } from '../../../server/api/wire.ts'
import { appPath } from '../../command.ts'
import type { Context } from '../../context.ts'
import { progress } from '../../output.ts'
import { newestRelease, waitForRelease } from '../../releases.ts'

type Change = { app: string; changes: Record<string, string | null>; label: string; wait: boolean }

/** PATCH config-vars, and the release it made: `Setting A, B and restarting shop... done, v3`. Resolves with all vars. */
export async function change(context: Context, { app, changes, label, wait }: Change): Promise<ConfigVars> {
  const work = patch(context, app, changes)
  const done = ({ version, isNew }: Patched) => (isNew ? `v${version}` : `nothing changed, still v${version}`)
  const { vars, version, isNew } = await progress(context, `${label} and restarting ${app}`, work, done)
  if (wait && isNew) await waitForRelease(context, app, version)
  return vars
}

type Patched = { vars: ConfigVars; version: number; isNew: boolean }

/** The release's number is in the header Dozen-Release; where there is none, the newest is taken, as Heroku's client does. */
async function patch(context: Context, app: string, changes: Change['changes']): Promise<Patched> {
  const before = (await newestRelease(context, app))?.version ?? 0
  const { json, headers } = await context.api.ask<ConfigVars>('PATCH', appPath(app, 'config-vars'), changes)
  const told = headers['dozen-release']
  const version = told ? Number(told) : ((await newestRelease(context, app))?.version ?? 0)
  return { vars: json, version, isNew: version > before }
}
