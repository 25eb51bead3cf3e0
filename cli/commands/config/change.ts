import type { ConfigVars } from '../../../server/api/wire.ts'
import { appPath } from '../../command.ts'
import type { Context } from '../../context.ts'
import { progress } from '../../output.ts'
import { newestRelease, waitForRelease } from '../../releases.ts'

type Change = { app: string; changes: Record<string, string | null>; label: string; wait: boolean }

/** PATCH config-vars, then the newest release's number: `Setting A, B and restarting shop... done, v3`. Resolves with all vars. */
export async function change(context: Context, { app, changes, label, wait }: Change): Promise<ConfigVars> {
  const work = async () => {
    const vars = await context.api.patch<ConfigVars>(appPath(app, 'config-vars'), changes)
    return { vars, release: await newestRelease(context, app) }
  }
  const done = ({ release }: { release: { version: number } | undefined }) => (release ? `v${release.version}` : 'no release')
  const { vars, release } = await progress(context, `${label} and restarting ${app}`, work(), done)
  if (wait && release) await waitForRelease(context, app, release.version)
  return vars
}
