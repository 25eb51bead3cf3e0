import type { Clock } from '../clock.ts'
import type { Container } from '../engine/port.ts'

type Times = { startedAt: number; exitAt?: number }

/**
 * When containers started and ended, in the time of `clock`, which does not jump. The engine says it in the machine's time (`wall`), which
 * somebody may move: so an age is taken once, when a container is first seen, and counted on from there.
 */
export function ages({ clock, wall }: { clock: Clock; wall: Clock }) {
  const known = new Map<string, Times>()
  let lookedAt: number | undefined
  /** What an earlier look did not show cannot be older than that look, whatever the engine's clock says. */
  const startOf = (at: Date) => Math.max(inOurTime(at), lookedAt ?? -Infinity)
  const inOurTime = (at: Date) => clock.now().getTime() - Math.max(0, wall.now().getTime() - at.getTime())

  return {
    of({ id, startedAt, createdAt, exit }: Container): Times {
      const times = known.get(id) ?? { startedAt: startOf(startedAt ?? createdAt) }
      if (startedAt) known.set(id, times)
      if (exit) times.exitAt ??= Math.max(times.startedAt, inOurTime(exit.at))
      return times
    },
    /** These were seen in a look that began at `from`: all others are forgotten. */
    keep(containers: readonly Container[], from: number) {
      for (const container of containers) this.of(container)
      lookedAt = from
      const ids = new Set(containers.map(({ id }) => id))
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id)
    },
  }
}
export type Ages = ReturnType<typeof ages>
