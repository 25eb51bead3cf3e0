import { resolve } from 'node:path'
import type { App, Build, Release } from '../../../server/api/wire.ts'
import { printOutput, waitForBuild } from '../../builds.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { progress } from '../../output.ts'
import { waitForRelease } from '../../releases.ts'
import type { Source } from '../../shapes.ts'
import { sourceOf } from '../../source.ts'

/** The address of what `path` names: an image as it is, or a source that has been sent. */
async function sourceUrl(context: Context, app: string, { path, isImage }: { path: string; isImage: boolean }) {
  if (isImage) return { url: `docker://${path}`, version: path.slice(0, 128) }
  const { tar, version } = await sourceOf(resolve(context.cwd, path))
  const { source_blob: blob } = await context.api.post<Source>(appPath(app, 'sources'))
  const sent = context.api.open('PUT', blob.put_url, { raw: tar(), anonymous: true })
  await progress(
    context,
    `Sending ${path} to ${app}`,
    sent.then((response) => void response.resume()),
  )
  return { url: blob.get_url, version }
}

/** POST /apps/:app/sources, PUT of the tar, POST /apps/:app/builds: a deploy without git. */
export const deploy: Make = (context) =>
  appCommand('deploy', 'deploy a folder, a tar or an image as it is, without git push')
    .argument('[path]', 'a folder, a .tar, .tar.gz or .tgz; with --image a reference such as nginx:1.27', '.')
    .option('--image', 'the path is the reference of an image that is there already')
    .option('--no-wait', 'do not wait for the build')
    .option('--version <text>', 'what to call it, e.g. a commit')
    .action(async (path: string, options: AppOption & { wait: boolean; version?: string; image?: boolean }) => {
      const app = await context.app(options.app)
      const { url, version } = await sourceUrl(context, app, { path, isImage: options.image ?? false })
      const body = { source_blob: { url, version: options.version ?? version } }
      const build = await context.api.post<Build>(appPath(app, 'builds'), body)
      if (!options.wait) return context.out(build.id)
      await printOutput(context, build.output_stream_url)
      const { release } = await waitForBuild(context, app, build.id)
      if (!release) return
      const { version: number } = await context.api.get<Release>(appPath(app, 'releases', release.id))
      await waitForRelease(context, app, number)
      context.out((await context.api.get<App>(appPath(app))).web_url)
    })
