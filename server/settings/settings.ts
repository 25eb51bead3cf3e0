import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { RouteRules } from '../api/wire.ts'
import { invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import { choice, count, hsts, rate, size, time, type Kind } from './values.ts'

type Definition = { readonly kind: Kind<unknown>; readonly default: string; readonly about: string }

/** Every setting that an app may have for itself. A default of "none" is no limit. */
export const APP_SETTINGS = {
  timeout: { kind: time('1s', '1h'), default: '30s', about: 'from the end of a request to the first byte of the answer (H12)' },
  'idle-timeout': {
    kind: time('1s', '24h'),
    default: '55s',
    about: 'silence in either direction once an answer has begun, WebSockets too (H15, H28)',
  },
  'max-body': { kind: size, default: 'none', about: 'largest request body (413)' },
  'max-waiting': {
    kind: count(0, 100_000),
    default: '1000',
    about: 'requests that wait for the app to start, in each router process (H11)',
  },
  'max-connections': { kind: count(1, 1_000_000), default: 'none', about: 'requests and WebSockets in flight (H22)' },
  'rate-limit': { kind: rate, default: 'none', about: 'requests taken, such as 100/s or 6000/m (429)' },
  'https-redirect': { kind: choice({ on: true, off: false }), default: 'off', about: 'plain HTTP is sent to HTTPS' },
  hsts: { kind: hsts, default: 'none', about: 'Strict-Transport-Security over HTTPS, such as 365d,subdomains' },
  'boot-timeout': {
    kind: time('1s', '1h'),
    default: '60s',
    about: 'for a web process to bind $PORT (R10); visitors wait 15 s more (H20)',
  },
  'stop-timeout': { kind: time('1s', '1h'), default: '30s', about: 'from SIGTERM to SIGKILL (R12)' },
  'log-redaction': {
    kind: choice({ on: true, off: false }),
    default: 'off',
    about: "config values that look secret are hidden in the app's own log lines too",
  },
  'read-only': {
    kind: choice({ on: true, off: false }),
    default: 'off',
    about: 'nothing but /tmp can be written in its containers, /app neither; from the next start of each',
  },
} as const satisfies Record<string, Definition>

export type SettingName = keyof typeof APP_SETTINGS
type Value<N extends SettingName> = Exclude<ReturnType<(typeof APP_SETTINGS)[N]['kind']['parse']>, undefined>
/** `value` is in force; `isOwn` says whether the app has set it. */
export type Setting = {
  readonly name: SettingName
  readonly value: string
  readonly isOwn: boolean
  readonly default: string
  readonly about: string
}

type Row = { app_id: string; name: string; value: string }
type Deps = {
  db: Db
  logs: LogSink
  /** The platform's own where they differ from the list. */
  defaults?: Partial<Record<SettingName, string>>
  wake: () => void
}

/** An app's own value of a setting; undefined while it has none. */
export function ownSettings(db: Db) {
  const one = db.prepare<[string, string], string>('SELECT value FROM app_settings WHERE app_id = ? AND name = ?').pluck()
  return <N extends SettingName>(appId: string, name: N): Value<N> | undefined => {
    const text = one.get(appId, name)
    return text === undefined ? undefined : (APP_SETTINGS[name].kind.parse(text) as Value<N> | undefined)
  }
}

/** The apps' own settings. Not part of a release: they say how the platform treats the app, not what runs. */
export function settings({ db, logs, defaults = {}, wake }: Deps) {
  const byApp = db.prepare<[string], Row>('SELECT name, value FROM app_settings WHERE app_id = ?')
  const own = ownSettings(db)
  const upsert = db.prepare(`
    INSERT INTO app_settings (app_id, name, value) VALUES (@app_id, @name, @value)
    ON CONFLICT (app_id, name) DO UPDATE SET value = excluded.value`)
  const remove = db.prepare('DELETE FROM app_settings WHERE app_id = ? AND name = ?')

  function list(appId: string): Setting[] {
    const rows = new Map(byApp.all(appId).map(({ name, value }) => [name, value]))
    return NAMES.map((name) => {
      const fallback = defaults[name] ?? APP_SETTINGS[name].default
      return {
        name,
        value: rows.get(name) ?? fallback,
        isOwn: rows.has(name),
        default: fallback,
        about: APP_SETTINGS[name].about,
      }
    })
  }

  return {
    own,
    list,
    /** null gives a setting its default again. All or nothing; throws invalid_params. */
    update(app: App, user: { email: string }, changes: Record<string, unknown>): Setting[] {
      const checked = Object.entries(changes).map(
        ([name, value]) => [checkName(name), checkValue(name as SettingName, value)] as const,
      )
      if (checked.length === 0) throw invalid(`Say what to set, e.g. {"timeout":"60s"}. There are: ${NAMES.join(', ')}.`)
      db.transaction(() => {
        for (const [name, value] of checked) {
          if (value === null) remove.run(app.id, name)
          else upsert.run({ app_id: app.id, name, value })
        }
      }).immediate()
      const text = checked.map(([name, value]) => (value === null ? `${name} to its default` : `${name} to ${value}`)).join(', ')
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Set ${text} by user ${user.email}` })
      wake()
      return list(app.id)
    },
    /** What the router is to do for the app in its own way; undefined when it has no wishes. */
    rules(appId: string): RouteRules | undefined {
      const rows = byApp.all(appId)
      if (rows.length === 0) return undefined
      const boot = own(appId, 'boot-timeout')
      const found: (readonly [string, unknown])[] = rows.flatMap(({ name, value }) => {
        const key = RULES[name as SettingName]
        const parsed = key && APP_SETTINGS[name as SettingName].kind.parse(value)
        return key === undefined || parsed === undefined ? [] : [[key, parsed] as const]
      })
      if (boot !== undefined) found.push(['bootWaitMs', boot + BOOT_GRACE_MS])
      return found.length === 0 ? undefined : (Object.fromEntries(found) as RouteRules)
    },
  }
}
export type AppSettings = ReturnType<typeof settings>

/** A process that binds its port at the last moment is still to answer. */
const BOOT_GRACE_MS = 15_000

const NAMES = Object.keys(APP_SETTINGS) as SettingName[]
const RULES: Partial<Record<SettingName, keyof RouteRules>> = {
  timeout: 'firstByteMs', 'idle-timeout': 'idleMs', 'max-body': 'bodyBytes', 'max-waiting': 'waiting', 'max-connections': 'connections',
  'rate-limit': 'rate', 'https-redirect': 'httpsRedirect', hsts: 'hsts',
} // prettier-ignore

function checkName(name: string): SettingName {
  if (Object.hasOwn(APP_SETTINGS, name)) return name as SettingName
  throw invalid(`There is no setting ${JSON.stringify(name)}. There are: ${NAMES.join(', ')}.`)
}

/** "none" and null both mean: as the platform has it. */
function checkValue(name: SettingName, value: unknown): string | null {
  const { kind, default: fallback } = APP_SETTINGS[name]
  if (value === null || (value === 'none' && fallback === 'none')) return null
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' && kind.parse(text) !== undefined) return text
  throw invalid(`${name} should be ${kind.expected}${fallback === 'none' ? ', or none' : ''}, not ${JSON.stringify(value)}.`)
}
