import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { App } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import { CliError, UsageError } from '../../errors.ts'
import { connectRepository, git, helperSettings } from '../../git.ts'

/** Lets the git remote `dozen` of this folder lead to an app, in place of where it leads. */
export const remote: Make = (context) =>
  appCommand('git:remote', "make this folder's git remote dozen lead to an app").action(async (options: AppOption) => {
    if (!options.app && !context.env.DOZEN_APP) throw new UsageError('Say which app, with -a NAME.')
    const { git_url: url } = await context.api.get<App>(appPath(await context.app(options.app)))
    const connected = await connectRepository(context.cwd, { url, program: context.program })
    if (connected === 'no repository')
      throw new CliError('This folder is no git repository.', { hint: '`git init` makes it one.' })
    if (connected === 'other') await git(context.cwd, 'remote', 'set-url', 'dozen', url)
    context.err(`Git remote dozen leads to ${url}`)
  })

/** `git clone` with the credential helper, which then also is in the clone's settings. */
export const clone: Make = (context) =>
  appCommand('git:clone', "clone an app's repository")
    .argument('[folder]', 'where to; the name of the app when not given')
    .action(async (folder: string | undefined, options: AppOption) => {
      const app = await context.app(options.app)
      const { git_url: url } = await context.api.get<App>(appPath(app))
      const settings = helperSettings({ url, program: context.program }).flatMap(([key, value]) => [
        '--config',
        `${key}=${value}`,
      ])
      const into = resolve(context.cwd, folder ?? app)
      const args = ['clone', '--origin', 'dozen', ...settings, '--', url, into]
      const code = await new Promise<number | null>((done, failed) =>
        spawn('git', args, { stdio: ['ignore', 'inherit', 'inherit'] })
          .on('error', failed)
          .on('exit', done),
      )
      if (code !== 0) throw new CliError(`git ended with status ${code}.`)
    })
