import type { Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { parseVersion } from '../../pairs.ts'
import { waitForRelease } from '../../releases.ts'

/** POST /apps/:app/releases with an older release's id: a new release with that one's image and config. */
export const rollback: Make = (context) =>
  appCommand('rollback', 'go back to an older release: its code and its config')
    .argument('[version]', 'e.g. v7; the newest that succeeded before the current one when not given')
    .option('--no-wait', 'do not wait until it serves')
    .action(async (version: string | undefined, options: AppOption & { wait: boolean }) => {
      const app = await context.app(options.app)
      const target = version
        ? await context.api.get<Release>(appPath(app, 'releases', parseVersion(version)))
        : await before(context, app)
      const made = context.api.post<Release>(appPath(app, 'releases'), { release: target.id })
      const release = await progress(
        context,
        `Rolling back ${app} to v${target.version}`,
        made,
        (created) => `v${created.version}`,
      )
      if (options.wait) await waitForRelease(context, app, release.version)
    })

async function before({ api }: Context, app: string): Promise<Release> {
  const releases = await api.page<Release>(appPath(app, 'releases'), 'version ..; max=100, order=desc')
  const from = releases.findIndex(({ current }) => current)
  const found = releases.slice(from + 1).find((release) => release.eligible_for_rollback && release.status === 'succeeded')
  if (!found)
    throw new CliError(`${app} has no older release to go back to.`, { hint: `\`dozen releases -a ${app}\` lists them.` })
  return found
}
