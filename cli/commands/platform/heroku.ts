import { spawn } from 'node:child_process'
import { command, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { herokuEnv } from '../../heroku-env.ts'
import { endWith } from '../../rendezvous.ts'

/** Runs the user's installed Heroku client against this dozen; its exit status is ours. */
export const heroku: Make = (context) =>
  command('heroku', "run Heroku's own client, when it is installed, against this dozen")
    .argument('[args...]', 'a command of it with its arguments, e.g. ps:scale web=2 -a shop')
    .helpOption('--dozen-help', 'show this help')
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args: string[]) => {
      const child = spawn('heroku', args, { stdio: 'inherit', cwd: context.cwd, env: { ...context.env, ...herokuEnv(context) } })
      // Ctrl-C is the child's to handle; this process outlives it to tell its status.
      const ignore = () => {}
      process.on('SIGINT', ignore)
      const code = await new Promise<number>((resolve, reject) => {
        child.on('error', (cause) =>
          reject(
            new CliError(`Heroku's client could not be started: ${cause.message}.`, {
              hint: 'Install it with `npm install -g heroku`, or put it on the PATH.',
              cause,
            }),
          ),
        )
        child.on('exit', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 143)))
      }).finally(() => process.off('SIGINT', ignore))
      endWith(code)
    })
