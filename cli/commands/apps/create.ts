import type { App } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { connectRepository } from '../../git.ts'
import { json, progress } from '../../output.ts'

type Options = JsonOption & { remote: boolean; stack?: string }

/** POST /apps; inside a git repository also its remote `dozen` and the credential helper that pushes need. */
export const create: Make = (context) =>
  command('create', 'make a new app')
    .argument('[name]', 'its name; one is made up when not given')
    .option('--no-remote', 'leave the git repository of this folder as it is')
    .option('--stack <name>', 'what builds it, e.g. container')
    .option('--json', 'print the app as JSON')
    .action(async (name: string | undefined, options: Options) => {
      const made = context.api.post<App>('/apps', { ...(name && { name }), ...(options.stack && { stack: options.stack }) })
      const app = await progress(context, `Creating ${name ?? 'app'}`, made, (created) => created.name)
      const { git_url: url } = app
      if (options.remote) await connect(context, url)
      if (options.json) json(context, app)
      else context.out(`${app.name} | ${app.web_url} | ${url}`)
    })

async function connect({ cwd, program, err }: Context, url: string): Promise<void> {
  const connected = await connectRepository(cwd, { url, program })
  if (connected === 'added') err('Git remote dozen added: deploy with `git push dozen main`')
  if (connected === 'other')
    err(`This folder's git remote dozen leads to another app and stays so; \`git remote set-url dozen ${url}\` changes it.`)
}
