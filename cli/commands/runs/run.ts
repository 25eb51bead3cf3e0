import type { Dyno } from '../../../server/api/wire.ts'
import { appCommand, appPath, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { ApiError, CliError } from '../../errors.ts'
import { attach, endWith } from '../../rendezvous.ts'
import { safe } from '../../terminal.ts'
import { detach, request, type RunOptions } from './request.ts'

/** POST /apps/:app/dynos `{attach: true}`, then its streams are ours; ends with the command's own exit status. */
export const run: Make = (context) =>
  appCommand('run', 'run a command in a one-off dyno of the current release')
    .argument(
      '<command...>',
      'the command; several words are one line for the shell in the dyno; a process type first stands for its command',
    )
    .option('--detached', 'do not wait: its output goes to the log stream')
    .option('--no-tty', 'no terminal, even when there is one')
    .option('-e, --env <KEY=value>', 'an environment variable; may be repeated', (text: string, all: string[] = []) => [
      ...all,
      text,
    ])
    .option('-s, --size <size>', 'dyno size')
    .option('--type <type>', 'process type to run as')
    .option('-x, --exit-code', 'end with the exit status of the command, as dozen always does')
    .passThroughOptions()
    .action(async (words: string[], options: RunOptions) => {
      const app = await context.app(options.app)
      if (options.detached) return detach(context, app, { words, ...options })
      const { isInput, isOutput, columns, rows } = context.terminal
      const isRaw = isInput && isOutput && options.tty
      const terminal = isRaw ? { TERM: context.env.TERM ?? 'xterm', COLUMNS: columns, LINES: rows } : {}
      const body = { ...request(words, options, terminal), attach: true, exit_status: true, force_no_tty: !isRaw }
      const dyno = await context.api.post<Dyno>(appPath(app, 'dynos'), body)
      if (!dyno.attach_url) throw new CliError(`The server started ${safe(dyno.name)} but gave no address to attach to.`)
      if (context.terminal.isError) context.err(`Running ${safe(words.join(' '))} on ${app}... up, ${safe(dyno.name)}`)
      const path = appPath(app, 'dynos', dyno.name)
      const stop = isRaw ? followSize(context, path) : () => {}
      const endInput = (bytes: number) => context.api.patch(path, { input_bytes: bytes }).then(() => {}, ignoreNotFound)
      endWith(await attach(context, { url: dyno.attach_url, isRaw, endInput }).finally(stop))
    })

/** The command has ended without waiting for its input's end. */
function ignoreNotFound(cause: unknown): void {
  if (!(cause instanceof ApiError) || cause.status !== 404) throw cause
}

function followSize({ api, streams: { stdout } }: Context, path: string): () => void {
  const tell = () => void api.patch(path, { columns: stdout.columns, lines: stdout.rows }).catch(() => {})
  stdout.on('resize', tell)
  return () => void stdout.off('resize', tell)
}
