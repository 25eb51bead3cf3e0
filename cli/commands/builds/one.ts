import type { Build } from '../../../server/api/wire.ts'
import { printOutput } from '../../builds.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { json, progress } from '../../output.ts'
import { size, table, when } from '../../table.ts'

const ID = ['[id]', 'its id; the newest when not given'] as const

async function find({ api }: Context, app: string, id: string | undefined): Promise<Build> {
  if (id) return api.get<Build>(appPath(app, 'builds', id))
  const all = await api.list<Build>(appPath(app, 'builds'))
  const newest = all.toSorted((a, b) => b.created_at.localeCompare(a.created_at))[0]
  if (!newest) throw new CliError(`${app} has not been built yet.`)
  return newest
}

/** "source 0.1 s, build 2.3 s, image 0.4 s" */
const phases = (durations: Record<string, number>) =>
  Object.entries(durations)
    .map(([phase, ms]) => `${phase} ${(ms / 1000).toFixed(1)} s`)
    .join(', ')

/** GET /apps/:app/builds/:id */
export const info: Make = (context) =>
  appCommand('builds:info', 'show a build')
    .argument(...ID)
    .option('--json', 'print it as JSON')
    .action(async (id: string | undefined, options: AppOption & JsonOption) => {
      const build = await find(context, await context.app(options.app), id)
      if (options.json) return json(context, build)
      table([
        ['Build:', `${build.number}  ${build.id}`],
        ['Status:', build.status],
        ...(build.reason ? [['Reason:', build.reason]] : []),
        ['Version:', build.source_blob.version ?? ''],
        ['Stack:', build.stack],
        ['Buildpacks:', build.buildpacks?.map(({ name, url }) => name || url).join(', ') ?? ''],
        ['By:', build.user.email],
        ['When:', when(build.created_at, context.now())],
        ...(build.durations_ms ? [['Took:', phases(build.durations_ms)]] : []),
        ...(build.size_bytes ? [['Size:', size(build.size_bytes)]] : []),
        ...(build.stack_images.build ? [['Built in:', build.stack_images.build]] : []),
        ...(build.stack_images.run ? [['Stands on:', build.stack_images.run]] : []),
      ]).forEach(context.out)
    })

/** GET of the build's output_stream_url */
export const output: Make = (context) =>
  appCommand('builds:output', 'print what a build says, as it goes on')
    .argument(...ID)
    .action(async (id: string | undefined, options: AppOption) => {
      const build = await find(context, await context.app(options.app), id)
      await printOutput(context, build.output_stream_url)
    })

/** DELETE /apps/:app/builds/:id */
export const cancel: Make = (context) =>
  appCommand('builds:cancel', 'stop a build')
    .argument(...ID)
    .action(async (id: string | undefined, options: AppOption) => {
      const app = await context.app(options.app)
      const build = await find(context, app, id)
      await progress(context, `Stopping build ${build.id}`, context.api.delete(appPath(app, 'builds', build.id)))
    })

/** DELETE /apps/:app/build-cache */
export const purge: Make = (context) =>
  appCommand('builds:cache:purge', 'empty the build cache; the next build starts from nothing').action(
    async (options: AppOption) => {
      const app = await context.app(options.app)
      await progress(context, `Emptying the build cache of ${app}`, context.api.delete(appPath(app, 'build-cache')))
    },
  )
