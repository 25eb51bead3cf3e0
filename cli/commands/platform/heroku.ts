import { spawn } from 'node:child_process'
import { command, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { forward } from '../../forward.ts'
import { caPath, herokuEnv, isLoopback } from '../../heroku-env.ts'
import { endWith } from '../../rendezvous.ts'

/** Runs the user's installed Heroku client against this dozen; its exit status is ours. */
export const heroku: Make = (context) =>
  command('heroku', "run Heroku's own client, when it is installed, against this dozen")
    .argument('[args...]', 'a command of it with its arguments, e.g. ps:scale web=2 -a shop')
    .helpOption('--dozen-help', 'show this help')
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args: string[]) => {
      const { url, close } = await nearby(context)
      endWith(await runClient(context, args, herokuEnv(context, url)).finally(close))
    })

/**
 * The client trusts loopback servers only: one elsewhere is forwarded to a port here. The installation's certificate names 127.0.0.1,
 * so the client still checks whom it talks to; without the CA it could not, and nothing is started.
 */
async function nearby(context: Context): Promise<{ url: string; close: () => void }> {
  const url = context.settings.url()
  const isForwardable = url.startsWith('http:') || caPath(context) !== undefined
  return isLoopback(url) || !isForwardable ? { url, close: () => {} } : forward(url)
}

function runClient({ cwd, env }: Context, args: readonly string[], settings: Record<string, string>): Promise<number> {
  // Ctrl-C is the child's to handle; this process outlives it to tell its status.
  const ignore = () => {}
  process.on('SIGINT', ignore)
  return new Promise<number>((resolve, reject) => {
    const child = spawn('heroku', args, { stdio: 'inherit', cwd, env: { ...env, ...settings } })
    const hint = 'Install it with `npm install -g heroku`, or put it on the PATH.'
    child.on('error', (cause) => reject(new CliError("Heroku's client could not be started.", { hint, cause })))
    child.on('exit', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 143)))
  }).finally(() => process.off('SIGINT', ignore))
}
