import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { LogSession, LogSessionCreate } from '../server/api/wire.ts'
import { appPath } from './command.ts'
import type { Context } from './context.ts'
import { ApiError, CliError } from './errors.ts'
import { drained } from './output.ts'
import { sseParser } from './sse.ts'

type Follow = { app: string; session: LogSessionCreate; line: (text: string) => void }

const RECONNECT_MS = [100, 250, 500, 1000, 2000, 4000]

/**
 * Prints a session's lines until the server ends it; with `tail` for good. A lost connection is taken up again after the last line
 * that came (Last-Event-ID); a session that has expired meanwhile is replaced by a new one from there on.
 */
export async function followLogs(context: Context, { app, session, line }: Follow): Promise<void> {
  const begin = () => context.api.post<LogSession>(appPath(app, 'log-sessions'), session)
  let { logplex_url: url } = await begin()
  let last: string | undefined
  for (let failures = 0; ;) {
    try {
      for await (const event of events(context, url, last)) {
        failures = 0
        last = event.id ?? last
        line(event.data)
        await drained(context)
      }
      if (!session.tail) return
    } catch (error) {
      // The server may be back at another address, which only a new session names.
      if (last !== undefined && (isGone(error) || failures >= 2)) url = (await begin()).logplex_url
      else if (error instanceof ApiError) throw error
    }
    const pause = RECONNECT_MS[failures++]
    if (pause === undefined)
      throw new CliError('The log stream was lost and did not come back.', {
        hint: 'Is dozen running? `dozen logs --tail` starts anew.',
      })
    await setTimeout(pause)
  }
}

const isGone = (error: unknown) => error instanceof ApiError && [403, 404, 410].includes(error.status)

async function* events(context: Context, url: string, last: string | undefined) {
  const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) }
  const response: IncomingMessage = await context.api.open('GET', url, { anonymous: true, headers })
  const parse = sseParser()
  for await (const chunk of response.setEncoding('utf8')) yield* parse(chunk as string)
}
