import type { Release } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { newestRelease, waitForRelease } from '../../releases.ts'

/** POST /apps/:app/releases `{slug, description}` of the newest: its release phase runs once more. */
export const retry: Make = (context) =>
  appCommand('releases:retry', 'release the newest build once more, its release phase included')
    .option('--no-wait', 'do not wait until it serves')
    .action(async (options: AppOption & { wait: boolean }) => {
      const app = await context.app(options.app)
      const newest = await newestRelease(context, app)
      if (!newest?.slug) throw new CliError(`${app} has nothing to release again: deploy it first.`)
      const made = context.api.post<Release>(appPath(app, 'releases'), {
        slug: newest.slug.id,
        description: `Retry of v${newest.version}`,
      })
      const { version } = await progress(
        context,
        `Retrying v${newest.version} on ${app}`,
        made,
        (release) => `v${release.version}`,
      )
      if (options.wait) await waitForRelease(context, app, version)
    })
