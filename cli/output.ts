import type { Context } from './context.ts'
import { safe, styled } from './terminal.ts'

/** `=== shop Config Vars` */
export const heading = ({ out, terminal }: Context, text: string): void => out(styled(terminal, 'bold', `=== ${safe(text)}`))

// What JSON may hold as it is, but a terminal would obey: DEL, C1, and what reorders the text around it.
const OBEYED = /[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** JSON text, with what a terminal would obey escaped. */
export const printable = (text: string): string => text.replace(OBEYED, escaped)

export const json = ({ out }: Context, value: unknown): void => out(printable(JSON.stringify(value, null, 2)))

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
