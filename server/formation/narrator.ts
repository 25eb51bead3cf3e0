import type { LogSink } from '../logs/line.ts'
import type { Seen } from './haves.ts'
import { dynoName, exitText, type Have } from './plan.ts'

const STATE_NAMES = { unstarted: 'starting', starting: 'starting', up: 'up', dead: 'crashed' } as const satisfies Record<
  Have['state'],
  string
>

type Deps = {
  logs: LogSink
  finished: (id: string) => Promise<void>
  /** Told of each change of a process's state. */
  onState?: ((have: Seen, state: 'starting' | 'up' | 'crashed') => void) | undefined
}

/** Tells the app's stream what its processes do: `dozen[web.1]: State changed from starting to up`. */
export function narrator({ logs, finished, onState = () => {} }: Deps) {
  const told = new Map<string, Have['state']>()
  const say = (have: Seen, text: string) =>
    logs.publish({ appId: have.appId, source: 'dozen', dyno: dynoName(have), release: have.version, text })

  async function tellCrash(have: Seen, before: Have['state']) {
    await finished(have.id) // its own last lines come first
    if (have.exit?.oomKilled) say(have, 'Error R14 (Memory quota exceeded)')
    say(have, `Process ${exitText(have)}`)
    say(have, `State changed from ${STATE_NAMES[before]} to crashed`)
  }

  return {
    say,
    /** Compares with what was told before. After a restart of the controller only what happens from then on is told. */
    observe(haves: readonly Seen[]) {
      const ids = new Set(haves.map((have) => have.id))
      for (const id of told.keys()) if (!ids.has(id)) told.delete(id)
      for (const have of haves) {
        const before = told.get(have.id)
        told.set(have.id, have.state)
        if (before === have.state || have.retiring) continue
        if (STATE_NAMES[have.state] !== (before && STATE_NAMES[before])) onState(have, STATE_NAMES[have.state])
        if (have.state === 'dead') void tellCrash(have, before ?? 'up')
        else if (have.state === 'up' && before !== undefined) say(have, `State changed from ${STATE_NAMES[before]} to up`)
      }
    },
  }
}
export type Narrator = ReturnType<typeof narrator>
