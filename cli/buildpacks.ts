import type { AppOption } from './command.ts'
import { appPath } from './command.ts'
import type { Context } from './context.ts'
import { progress } from './output.ts'
import type { BuildpackInstallation } from './shapes.ts'

export type Edit = (urls: readonly string[], app: string) => readonly string[]

/** PUT /apps/:app/buildpack-installations, which takes the whole list: reads it, edits it, writes it. */
export async function change(context: Context, options: AppOption, label: string, edit: Edit): Promise<void> {
  const app = await context.app(options.app)
  const path = appPath(app, 'buildpack-installations')
  const now = await context.api.list<BuildpackInstallation>(path)
  const urls = edit(
    now.map(({ buildpack }) => buildpack.name || buildpack.url),
    app,
  )
  const updates = urls.map((buildpack) => ({ buildpack }))
  await progress(context, `${label} ${app}`, context.api.put<BuildpackInstallation[]>(path, { updates }))
  context.err('The next deploy uses it.')
}
