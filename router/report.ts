import type { Code } from './codes.ts'
import type { Passage } from './forwarded.ts'
import { formatLine } from './line.ts'
import type { Shared } from './peer.ts'
import type { AppRoute, Upstream } from './routes.ts'
import { NOBODY } from './tally.ts'

/** How a request went from its beginning to `now`. Times are milliseconds of `performance.now()`; 0 = never. */
export type Course = {
  app: AppRoute | undefined
  dyno: Upstream | undefined
  requestId: string
  code: Code | undefined
  status: number
  sent: number
  received: number
  /** The client has seen some of the app's answer. */
  began: boolean
  isTunnel: boolean
  startedAt: number
  dialedAt: number
  connectedAt: number
  now: number
}

/** Endings that are the client's doing, or the owner's wish. */
const NOT_OURS: ReadonlySet<Code> = new Set<Code>(['H27', 'H28', 'H80'])

/** Counts a request that is over, and tells the app's stream. */
export function report(shared: Pick<Shared, 'tally' | 'log' | 'windows'>, passage: Passage, course: Course): void {
  const { app, dyno, code, status, now, startedAt, connectedAt } = course
  const ms = course.isTunnel ? undefined : now - startedAt
  shared.tally.count(app?.id ?? NOBODY, { status, code, ms, sent: course.sent, received: course.received })
  if (!app) return
  const isConnected = connectedAt > 0
  const line = formatLine(passage, {
    code, requestId: course.requestId, dyno: dyno?.dyno, connectMs: isConnected ? connectedAt - course.dialedAt : undefined,
    serviceMs: isConnected ? now - connectedAt : undefined, status, bytes: course.sent,
  }) // prettier-ignore
  shared.log(app.id, line)
  if (shared.windows.isNone) return
  const isOurs = code !== undefined && !NOT_OURS.has(code)
  const waitMs = (isConnected ? connectedAt : now) - startedAt
  const isDrained = dyno?.target.isGone === true && !isOurs
  shared.windows.count({ appId: app.id, failed: isOurs && !course.began, cut: isOurs && course.began, isDrained, waitMs })
}
