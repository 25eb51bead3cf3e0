import type { Context } from './context.ts'
import { safe, styled } from './terminal.ts'

/** `=== shop Config Vars` */
export const heading = ({ out, terminal }: Context, text: string): void => out(styled(terminal, 'bold', `=== ${safe(text)}`))

export const json = ({ out }: Context, value: unknown): void => out(JSON.stringify(value, null, 2))

/**
 * `Creating shop... done, v3` on stderr. On a terminal the first half shows at once; elsewhere the line comes whole.
 * `done` is what follows the dots.
 */
export async function progress<T>(context: Context, label: string, work: Promise<T>, done?: (result: T) => string): Promise<T> {
  const { stderr } = context.streams
  const isLive = context.terminal.isError
  if (isLive) stderr.write(`${safe(label)}... `)
  try {
    const result = await work
    const ending = done ? `done, ${safe(done(result))}` : 'done'
    stderr.write(isLive ? `${ending}\n` : `${safe(label)}... ${ending}\n`)
    return result
  } catch (error) {
    stderr.write(isLive ? 'failed\n' : `${safe(label)}... failed\n`)
    throw error
  }
}

/** Resolves once stdout takes more: what streams for long waits for a slow reader instead of piling up. */
export async function drained({ streams: { stdout } }: Pick<Context, 'streams'>): Promise<void> {
  if (stdout.writableNeedDrain) await new Promise((resolve) => stdout.once('drain', resolve))
}
