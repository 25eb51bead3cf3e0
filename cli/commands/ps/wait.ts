import { setTimeout } from 'node:timers/promises'
import type { Dyno } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import { parseCount } from '../../pairs.ts'
import { newestRelease } from '../../releases.ts'

const POLL_MS = 500

/** Polls until every dyno of the formation is up on the newest release that has not failed. */
export const wait: Make = (context) =>
  appCommand('ps:wait', 'wait until all dynos run the newest release')
    .option('--timeout <seconds>', 'give up after', parseCount, 300)
    .action(async (options: AppOption & { timeout: number }) => {
      const app = await context.app(options.app)
      const up = allUp(context, app, options.timeout * 1000)
      await progress(context, `Waiting for the dynos of ${app}`, up, (count) => `${count} up`)
    })

async function allUp(context: Context, app: string, timeoutMs: number): Promise<number> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const [newest, dynos] = await Promise.all([newestRelease(context, app), context.api.list<Dyno>(appPath(app, 'dynos'))])
    const formation = dynos.filter(({ type }) => !['run', 'release'].includes(type))
    const waiting = formation.filter(
      ({ state, release }) => !['up', 'idle'].includes(state) || release.version < (newest?.version ?? 0),
    )
    if (newest?.status !== 'pending' && (waiting.length === 0 || newest?.status === 'failed')) return formation.length
    if (performance.now() > end)
      throw new CliError(`Not yet up: ${waiting.map(({ name, state }) => `${name} (${state})`).join(', ')}.`)
    await setTimeout(POLL_MS)
  }
}
