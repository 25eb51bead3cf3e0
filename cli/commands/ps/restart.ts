import { setTimeout } from 'node:timers/promises'
import type { Restart } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { printFailure, switchCost } from '../../releases.ts'
import { type Target, targetOf } from '../../targets.ts'
import { safe } from '../../terminal.ts'

const POLL_MS = 250

/** DELETE /apps/:app/dynos, …/dynos/:dyno or …/formations/:type; then GET /apps/:app/restarts/:number until the new ones serve. */
export const restart: Make = (context) =>
  appCommand('ps:restart', 'restart dynos, new before old')
    .argument('[dyno]', 'a dyno such as web.1 or a process type such as web; all when not given')
    .option('-d, --dyno-name <name>', 'a dyno, as Heroku spells it')
    .option('-p, --process-type <type>', 'a process type, as Heroku spells it')
    .option('--no-wait', 'do not wait until the new processes serve and the old ones are drained')
    .action(async (name: string | undefined, options: AppOption & Target & { wait: boolean }) => {
      const app = await context.app(options.app)
      const { path, label } = targetOf(name, options)
      const asked = context.api.ask('DELETE', appPath(app, ...path))
      const { headers } = await progress(context, `Restarting ${label} on ${app}`, asked)
      const number = headers['dozen-restart']
      if (options.wait && typeof number === 'string') await waitFor(context, appPath(app, 'restarts', number))
    })

async function waitFor(context: Context, path: string): Promise<void> {
  let failure: Restart['failure'] = null
  const through = async () => {
    for (;;) {
      const report = await context.api.get<Restart>(path)
      if (report.status === 'succeeded') return report
      failure = report.failure
      if (report.status === 'failed') throw failed(report)
      await setTimeout(POLL_MS)
    }
  }
  const waiting = progress(context, 'Waiting for the new processes to serve', through(), switchCost)
  await waiting.finally(() => printFailure(context.err, failure))
}

const failed = ({ reason }: Restart) =>
  new CliError(`The restart failed: ${safe(reason ?? 'a process did not stay up.')}`, {
    hint: 'The old processes serve on, and the new ones are tried again. `dozen ps` shows how they fare.',
  })
