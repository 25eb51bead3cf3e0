import type { ConfigVars } from '../../../server/api/wire.ts'
import { appPath } from '../../command.ts'
import type { Context } from '../../context.ts'
import { progress } from '../../output.ts'
import { newestRelease, waitForRelease } from '../../releases.ts'

type Change = { app: string; changes: Record<string, string | null>; label: string; wait: boolean }

/** PATCH config-vars, then the newest release's number: `Setting A, B and restarting shop... done, v3`. Resolves with all vars. */
export async function change(context: Context, { app, changes, label, wait }: Change): Promise<ConfigVars> {
  const work = async () => {
    const before = await newestRelease(context, app)
    const vars = await context.api.patch<ConfigVars>(appPath(app, 'config-vars'), changes)
    const after = await newestRelease(context, app)
    return { vars, after, isNew: after?.id !== before?.id }
  }
  const done = ({ after, isNew }: Awaited<ReturnType<typeof work>>) =>
    isNew ? `v${after?.version}` : `nothing changed${after ? `, still v${after.version}` : ''}`
  const { vars, after, isNew } = await progress(context, `${label} and restarting ${app}`, work(), done)
  if (wait && isNew && after) await waitForRelease(context, app, after.version)
  return vars
}
