import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import type { BuildpackInstallation } from '../../shapes.ts'

/** GET /apps/:app/buildpack-installations */
export const list: Make = (context) =>
  appCommand('buildpacks', "list an app's own buildpacks, in the order they run")
    .option(...JSON_OPTION)
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const items = await context.api.list<BuildpackInstallation>(appPath(app, 'buildpack-installations'))
      const row = ({ ordinal, buildpack }: BuildpackInstallation) => [`${ordinal + 1}.`, buildpack.name || buildpack.url]
      const empty = `${app} has no buildpacks of its own: dozen finds out by its files.`
      printList(context, options, { items, title: `${app} Buildpacks`, empty, row })
    })
