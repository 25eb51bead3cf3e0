import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import { invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'

/** What one process may use. */
export type Limits = {
  /** More ends it (R14). */
  readonly memoryBytes: number
  /** Cores, e.g. 0.5; null = as many as there are. */
  readonly cpus: number | null
  /** Processes and threads inside. */
  readonly pids: number
}
/** As people say it: "512m", 0.5, 200; null = the default again; absent = as it is. */
export type LimitsInput = { memory?: unknown; cpus?: unknown; pids?: unknown }

type Row = { type: string; memory_bytes: number | null; cpus: number | null; pids: number | null }
type User = { id: string; email: string }
type Deps = {
  db: Db
  logs: LogSink
  /** Of a process whose type has no limits of its own; `cpus` absent = all cores. */
  defaults: { memoryBytes: number; cpus?: number | undefined }
  /** Process types of the app's Procfile. */
  types: (app: App) => readonly string[]
  /** Starts the processes of a type anew, new before old. */
  restart: (app: App, user: User, target: { type: string }) => void
}

/** More than any sane app forks, less than a fork bomb needs. */
const DEFAULT_PIDS = 4096
/** One-off dynos; not in the Procfile. */
const RUN = 'run'
const ONCE = [RUN, 'release']

/** What the processes of each type may use: memory, cores, processes. Not part of a release: it says how much machine there is, not what runs. */
export function limits({ db, logs, defaults, types, restart }: Deps) {
  const byApp = db.prepare<[string], Row>('SELECT type, memory_bytes, cpus, pids FROM limits WHERE app_id = ? ORDER BY type')
  const one = db.prepare<[string, string], Row>('SELECT type, memory_bytes, cpus, pids FROM limits WHERE app_id = ? AND type = ?')
  const upsert = db.prepare(`
    INSERT INTO limits (app_id, type, memory_bytes, cpus, pids) VALUES (@app_id, @type, @memory_bytes, @cpus, @pids)
    ON CONFLICT (app_id, type) DO UPDATE SET memory_bytes = excluded.memory_bytes, cpus = excluded.cpus, pids = excluded.pids`)
  const remove = db.prepare('DELETE FROM limits WHERE app_id = ? AND type = ?')

  const inForce = (row: Row | undefined): Limits => ({
    memoryBytes: row?.memory_bytes ?? defaults.memoryBytes,
    cpus: row?.cpus ?? defaults.cpus ?? null,
    pids: row?.pids ?? DEFAULT_PIDS,
  })
  const of = (appId: string, type: string) => inForce(one.get(appId, type))

  function changed(app: App, user: User, type: string, what: string) {
    logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `${what} by user ${user.email}` })
    if (!ONCE.includes(type)) restart(app, user, { type })
  }

  function check(app: App, type: string) {
    const known = [...types(app), RUN]
    if (known.includes(type)) return
    throw invalid(`${app.name} has no process type ${JSON.stringify(type)}. It has ${known.join(', ')}.`)
  }

  return {
    of,
    /** Every type of the app with what it may use, and whether that is its own. */
    list(app: App): { type: string; limits: Limits; isOwn: boolean }[] {
      const rows = new Map(byApp.all(app.id).map((row) => [row.type, row]))
      const all = new Set([...types(app), ...rows.keys(), RUN])
      return [...all].map((type) => ({ type, limits: inForce(rows.get(type)), isOwn: rows.has(type) }))
    },
    /** Running processes are replaced by ones with the new limits. Throws invalid_params. */
    set(app: App, user: User, type: string, input: LimitsInput): Limits {
      check(app, type)
      const before = one.get(app.id, type)
      const given = parse(input)
      const row = { memory_bytes: null, cpus: null, pids: null, ...before, ...given }
      upsert.run({ ...row, app_id: app.id, type })
      changed(app, user, type, `Set limits of ${type} to ${limitsText(of(app.id, type))}`)
      return of(app.id, type)
    },
    /** Throws invalid_params when the type has none of its own. */
    unset(app: App, user: User, type: string): Limits {
      if (remove.run(app.id, type).changes === 0)
        throw invalid(`${app.name} has no limits of its own for ${JSON.stringify(type)}.`)
      changed(app, user, type, `Remove limits of ${type}`)
      return of(app.id, type)
    },
  }
}

const limitsText = ({ memoryBytes, cpus, pids }: Limits) =>
  `${Math.round(memoryBytes / 1024 ** 2)} MiB memory, ${cpus === null ? 'all cores' : `${cpus} cores`}, ${pids} processes`

function parse({ memory, cpus, pids }: LimitsInput): Partial<Omit<Row, 'type'>> {
  if (memory === undefined && cpus === undefined && pids === undefined)
    throw invalid('Say what to limit: memory (such as "512m"), cpus (such as 0.5) or pids.')
  return {
    ...(memory !== undefined && { memory_bytes: memory === null ? null : parseMemory(memory) }),
    ...(cpus !== undefined && { cpus: cpus === null ? null : between('cpus', cpus, 0.05, 1024) }),
    ...(pids !== undefined && { pids: pids === null ? null : Math.floor(between('pids', pids, 16, 4_000_000)) }),
  }
}

const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }
const LEAST_MEMORY = 16 * 1024 ** 2
const MOST_MEMORY = 64 * 1024 ** 4

function parseMemory(memory: unknown): number {
  const [, number, unit] = (typeof memory === 'string' && /^(\d{1,9}(?:\.\d{1,3})?) ?([kmg])i?b?$/i.exec(memory.trim())) || []
  const bytes = typeof memory === 'number' ? memory : Math.round(Number(number) * (UNITS[unit?.toLowerCase() ?? ''] ?? NaN))
  if (Number.isInteger(bytes) && bytes >= LEAST_MEMORY && bytes <= MOST_MEMORY) return bytes
  throw invalid(`memory should be from 16m up, such as "512m" or "2g", not ${JSON.stringify(memory)}.`)
}

function between(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw invalid(`${name} should be a number from ${low} to ${high}.`)
  return value
}
