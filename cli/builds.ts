import { setTimeout } from 'node:timers/promises'
import type { Build } from '../server/api/wire.ts'
import { appPath } from './command.ts'
import type { Context } from './context.ts'
import { ApiError, CliError } from './errors.ts'
import { lines } from './lines.ts'
import { drained } from './output.ts'
import { safe } from './terminal.ts'

const POLL_MS = 300

/** Prints an output stream (of a build or a release phase; its URL is the secret) line by line until the server ends it. */
export async function printOutput(context: Context, url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const response = await context.api.open('GET', url, { anonymous: true })
      for await (const line of lines(response)) {
        context.out(safe(line, { keepColors: context.terminal.isColored }))
        await drained(context)
      }
      return
    } catch (error) {
      // 404 until it has begun (PLATFORM-API.md section 7).
      if (!(error instanceof ApiError && error.status === 404) || tries >= 20) throw error
      await setTimeout(POLL_MS)
    }
  }
}

/** Polls until the build has ended; throws CliError when it failed. */
export async function waitForBuild(context: Context, app: string, id: string): Promise<Build> {
  for (;;) {
    const build = await context.api.get<Build>(appPath(app, 'builds', id))
    if (build.status === 'succeeded') return build
    if (build.status === 'failed') throw new CliError('The build failed.', { hint: 'What ran before still runs.' })
    await setTimeout(POLL_MS)
  }
}
