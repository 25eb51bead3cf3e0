import type { Release } from '../../../server/api/wire.ts'
import { printOutput } from '../../builds.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { parseVersion } from '../../pairs.ts'
import { newestRelease } from '../../releases.ts'

/** GET of the release's output_stream_url */
export const output: Make = (context) =>
  appCommand('releases:output', 'print what the release phase of a release said')
    .argument('[version]', 'e.g. v7; the newest when not given')
    .action(async (version: string | undefined, options: AppOption) => {
      const app = await context.app(options.app)
      const path = version && appPath(app, 'releases', parseVersion(version))
      const release = path ? await context.api.get<Release>(path) : await newestRelease(context, app)
      if (!release) throw new CliError(`${app} has no releases yet.`)
      if (release.output_stream_url) await printOutput(context, release.output_stream_url)
      else context.err(`Release v${release.version} has no output: it had no release phase.`)
    })
