import { text } from 'node:stream/consumers'
import type { ContainerInspectInfo } from 'dockerode'
import { guard, type Client } from './docker-guard.ts'

/** How long after an end the engine may still learn why, in ms. */
const LATE_MS = 500
/** Ends remembered; a look asks about the same few again and again. */
const REMEMBERED = 1000

type Ended = Pick<ContainerInspectInfo, 'Id'> & {
  State: Pick<ContainerInspectInfo['State'], 'ExitCode' | 'FinishedAt' | 'StartedAt' | 'OOMKilled'>
}

/**
 * Whether a container that has ended ran out of memory. The engine (20.10 with version 1 control groups) hears of the kill and of the end by two ways: when the
 * end comes first, its flag stays false for good, and only its events tell the truth.
 */
export function outOfMemory(client: Client): (ended: Ended) => Promise<boolean> {
  const answers = new Map<string, Promise<boolean>>()

  async function ask({ Id, State }: Ended): Promise<boolean> {
    const options = {
      since: Date.parse(State.StartedAt) / 1000,
      until: (Date.parse(State.FinishedAt) + LATE_MS) / 1000,
      filters: { type: ['container' as const], container: [Id], event: ['oom' as const] },
      abortSignal: AbortSignal.timeout(4 * LATE_MS), // for a clock that was set back
    }
    const events = await guard(client.getEvents(options))
    return text(events).then(
      (told) => told !== '',
      () => false,
    )
  }

  return ({ Id, State }) => {
    if (State.OOMKilled || State.ExitCode !== 137) return Promise.resolve(State.OOMKilled)
    const key = `${Id} ${State.FinishedAt}`
    const known = answers.get(key)
    if (known) return known
    const answer = ask({ Id, State })
    answers.set(key, answer)
    answer.catch(() => answers.delete(key)) // the engine went away: asked again
    for (const oldest of answers.keys()) {
      if (answers.size <= REMEMBERED) break
      answers.delete(oldest)
    }
    return answer
  }
}
