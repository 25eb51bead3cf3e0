import { spawn } from 'node:child_process'
import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'

/** Prints the app's URL, and shows it in a browser where there is a screen. */
export const open: Make = (context) =>
  appCommand('open', 'open an app in the browser and print its URL')
    .argument('[path]', 'path within the app')
    .action(async (path: string | undefined, options: AppOption) => {
      const app = await context.api.get<App>(appPath(await context.app(options.app)))
      const url = new URL(path ?? '', app.web_url).href
      context.out(url)
      browse(context, url)
    })

function browse({ env, terminal }: Context, url: string): void {
  const program = process.platform === 'darwin' ? 'open' : env.DISPLAY || env.WAYLAND_DISPLAY ? 'xdg-open' : undefined
  if (!program || !terminal.isOutput || !/^https?:/.test(url)) return
  spawn(program, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref()
}
