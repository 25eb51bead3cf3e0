import { AppError, invalid } from '../errors.ts'
import { parseCheck, type Check } from './check.ts'
import { parseScheduled, type ScheduledCommand } from './schedule.ts'

/** What app.json says about how its app is run. It belongs to the code, so it is frozen in the release and comes back with a rollback. */
export type Manifest = {
  readonly cron?: readonly ScheduledCommand[]
  /** Health checks by process type. */
  readonly checks?: Readonly<Record<string, Check>>
}

type AppJson = { cron?: unknown; healthchecks?: unknown }

/**
 * The parts of app.json that say how the app is run: `cron` and `healthchecks`, spelled as Dokku spells them. Throws invalid_params: a deploy
 * whose jobs would silently not run is refused.
 */
export function parseManifest(text: string | undefined): Manifest {
  if (text === undefined) return {}
  const { cron = [], healthchecks = {} } = read(text)
  if (!Array.isArray(cron)) throw invalid('"cron" in app.json should be a list such as [{"schedule": "0 3 * * *", "command": "node clean.js"}].') // prettier-ignore
  if (healthchecks === null || typeof healthchecks !== 'object')
    throw invalid('"healthchecks" in app.json should be like {"web": [{"path": "/health"}]}.')
  const checks = Object.entries(healthchecks).flatMap(([type, list]) => checkOf(type, list))
  return {
    ...(cron.length > 0 && { cron: cron.map((entry) => within('cron', () => scheduledOf(entry))) }),
    ...(checks.length > 0 && { checks: Object.fromEntries(checks) }),
  }
}

function scheduledOf(entry: unknown): ScheduledCommand {
  const { schedule, command, overlap, concurrency_policy: policy } = (entry ?? {}) as Record<string, unknown>
  return parseScheduled({ schedule, command, overlap: overlap ?? policy === 'allow' })
}

/** One with a path; those that only say how long to wait have nothing that we ask. */
function checkOf(type: string, list: unknown) {
  const entries = (Array.isArray(list) ? list : [list]) as (Record<string, unknown> | null)[]
  const found = entries.find((entry) => typeof entry?.['path'] === 'string')
  if (!found) return []
  const { path, interval, timeout, failures, attempts } = found
  const input = { path, interval, timeout, failures: failures ?? attempts }
  return [[type, within('healthchecks', () => parseCheck(type, input))] as const]
}

function read(text: string): AppJson {
  try {
    return (JSON.parse(text.replace(/^\ufeff/, '')) ?? {}) as AppJson
  } catch (cause) {
    const why = (cause as Error).message
    throw new AppError('invalid_params', `app.json is not valid JSON: ${why}. Mend it, commit it and push again.`, { cause })
  }
}

function within<T>(key: string, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new AppError('invalid_params', `"${key}" in app.json: ${(cause as Error).message}`, { cause })
  }
}
