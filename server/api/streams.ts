import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { notFound } from '../errors.ts'
import type { Jobs } from './jobs.ts'

const POLL_MS = 200
type Kind = 'build' | 'release'

type Deps = {
  clock: Clock
  jobs: Jobs
  /** All lines so far, and whether more may come. */
  buildOutput: (appId: string, id: string) => { lines: readonly string[]; isOver: boolean }
  releaseOutput: (appId: string, id: string) => Promise<{ lines: readonly string[]; isOver: boolean }>
}

/** Output under addresses that hold their own right to be read: clients fetch them without a token (PLATFORM-API.md §7). They end with the controller. */
export function streams({ clock, jobs, buildOutput, releaseOutput }: Deps) {
  const key = randomBytes(32)
  const macOf = (kind: string, appId: string, id: string) =>
    createHmac('sha256', key).update(`${kind}/${appId}/${id}`).digest('hex')

  async function look(kind: Kind, appId: string, id: string) {
    if (kind === 'release') return releaseOutput(appId, id)
    return jobs.output(id) ?? buildOutput(appId, id)
  }

  return {
    urlOf: ({ origin }: { origin: { apiUrl: string } }, kind: Kind, appId: string, id: string) =>
      `${origin.apiUrl}/streams/${kind}/${appId}/${id}/${macOf(kind, appId, id)}`,
    /** Writes the output as it comes, until it is over or `signal` aborts. Throws not_found before the first write. */
    async serve(
      params: Record<string, string>,
      { signal, write }: { signal: AbortSignal; write: (text: string) => Promise<void> | void },
    ): Promise<void> {
      const { kind = '', app = '', id = '', mac = '' } = params
      const right = Buffer.from(macOf(kind, app, id))
      const given = Buffer.from(mac)
      if (given.length !== right.length || !timingSafeEqual(given, right)) throw notFound('stream')
      for (let sent = 0; !signal.aborted;) {
        const { lines, isOver } = await look(kind as Kind, app, id)
        const fresh = lines.slice(sent)
        sent += fresh.length
        await write(fresh.map((line) => `${line}\n`).join(''))
        if (isOver) return
        await clock.sleep(POLL_MS, signal).catch(() => {})
      }
    },
  }
}
export type Streams = ReturnType<typeof streams>
