import type { Ages } from './ages.ts'
import type { Clock } from '../clock.ts'
import { LABEL } from '../engine/labels.ts'
import type { Container } from '../engine/port.ts'
import type { Have } from './plan.ts'

/** A dyno's container with what only its container tells: where it answers. */
export type Seen = Have & { readonly appId: string; readonly address: string | undefined; readonly container: Container }

/** What only asking tells. */
type Asked = { isBound: (id: string) => boolean; complaint: (id: string) => string | undefined; ages: Ages }
type Limits = { bootTimeoutMs: (appId: string) => number; proofMs: number }

/** Label of the port a web process was told to bind. */
export const PORT_LABEL = 'dozen.port'
/** Label of the restart number a container was started under. */
export const GENERATION_LABEL = 'dozen.generation'

/** Reads a dyno back out of its labels; undefined when a label is missing or odd: then it is not ours to touch. */
export function seen(
  container: Container,
  { isBound, complaint, ages }: Asked,
  retiring: boolean,
  clock: Clock,
  limits: Limits,
): Seen | undefined {
  const { labels } = container
  const appId = labels[LABEL.app]
  const type = labels[LABEL.type]
  const [ordinal, version, generation, crashes] = [LABEL.ordinal, LABEL.release, GENERATION_LABEL, LABEL.crashes].map((key) =>
    Number(labels[key]),
  )
  if (!appId || !type || !Number.isInteger(ordinal) || !Number.isInteger(version)) return undefined
  const { startedAt, exitAt = startedAt } = ages.of(container)
  const deadline = startedAt + (type === 'web' ? limits.bootTimeoutMs(appId) : limits.proofMs)
  const said = container.state === 'paused' ? 'somebody paused it' : complaint(container.id)
  const have = {
    ...(said !== undefined && { complaint: said }),
    id: container.id, appId, type, container, startedAt, deadline, retiring,
    ordinal: ordinal!, version: version!, generation: generation || 0, crashes: crashes || 0,
    address: container.ip && labels[PORT_LABEL] ? `${container.ip}:${labels[PORT_LABEL]}` : undefined,
  } // prettier-ignore
  const proven = type === 'web' ? isBound(container.id) : clock.now().getTime() >= deadline
  const { exit, state } = container
  if (exit) return { ...have, state: 'dead', exit: { code: exit.code, at: exitAt, oomKilled: exit.oomKilled } }
  if (state === 'created') return { ...have, state: 'unstarted' }
  return { ...have, state: proven ? 'up' : 'starting' }
}
