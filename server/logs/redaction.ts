import type { LogEntry } from './line.ts'

const SHOWN_INSTEAD = '[redacted]'
/** Shorter values are never hidden: they would take half of every line with them. */
const MIN_CHARS = 8
const SECRET_NAME =
  /(token|secret|passw(or)?d|passphrase|credential|private|api_?key)|(^|_)(key|pass|pwd|auth|dsn|salt|cookie)s?(_|\d*$)/i
const USER_OF_URL = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\s]+)@/i
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const LONG_RUN = /[A-Za-z0-9+]{16,}/g
const CHANGES_OF_KIND = /(?<=\d)\D|(?<=[a-z])[^a-z]|(?<=[A-Z])[^A-Z]/g
const RANDOM_CHANGES = 5
const MAX_REMEMBERED = 1_000

type Config = Readonly<Record<string, string>>
type Deps = {
  /** Versions of the releases that run or are to run. */
  inUse: (appId: string) => readonly number[]
  /** A release's config; it never changes. */
  config: (appId: string, version: number) => Config
  /** Whether the app's own lines are to be redacted too. */
  isOn: (appId: string) => boolean
}
/** An entry's text without what is secret. */
export type Redactor = (entry: Pick<LogEntry, 'source' | 'dyno' | 'text' | 'release'>) => string

/**
 * Takes the values of config vars that look secret out of lines: always out of what the platform writes (its own lines, the router's, the API's,
 * those of builds and release phases), out of the app's own where it asks for that (setting log-redaction).
 */
export function redaction({ inUse, config, isOn }: Deps): (appId: string) => Redactor {
  const remembered = new Map<string, readonly string[]>()

  function secretsOf(appId: string, version: number): readonly string[] {
    const key = `${appId} ${version}`
    const known = remembered.get(key)
    if (known) return known
    const found = secretsIn(config(appId, version))
    if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!)
    remembered.set(key, found)
    return found
  }

  /** What is known already serves while the database cannot be read: a line is never held back by that. */
  function lookedUp(appId: string) {
    try {
      const running = inUse(appId)
      return { running, secrets: running.flatMap((version) => secretsOf(appId, version)), isForAll: isOn(appId) }
    } catch {
      const known = [...remembered].filter(([key]) => key.startsWith(`${appId} `))
      return { running: [], secrets: known.flatMap(([, secrets]) => secrets), isForAll: true }
    }
  }

  const ofOlder = (appId: string, version: number) => {
    try {
      return secretsOf(appId, version)
    } catch {
      return []
    }
  }

  return (appId) => {
    const { running, secrets, isForAll } = lookedUp(appId)
    const ofAll = longestFirst(secrets)
    return ({ source, dyno, text, release }) => {
      if (source === 'app' && !isForAll && !BY_PLATFORM.test(dyno)) return text
      const isOlder = release !== undefined && running.length > 0 && !running.includes(release)
      return hide(hide(text, ofAll), isOlder ? ofOlder(appId, release) : [])
    }
  }
}

/** Names of the platform's own writers among those that write as "app". */
const BY_PLATFORM = /^(api|build|release\.\d+)$/

const hide = (text: string, secrets: readonly string[]) =>
  secrets.reduce((all, secret) => (all.includes(secret) ? all.replaceAll(secret, SHOWN_INSTEAD) : all), text)

const longestFirst = (all: readonly string[]) => [...new Set(all)].sort((a, b) => b.length - a.length)

/** What is not to be seen of a config, longest first: values that look secret, as they are and as URLs and JSON spell them, and passwords in URLs. */
export function secretsIn(config: Config): string[] {
  const found = Object.entries(config).flatMap(([name, value]) =>
    isSecret(name, value) ? [...linesOf(value), ...keysIn(value)] : [],
  )
  const spelled = found.flatMap((text) => [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)])
  return longestFirst(spelled.filter((text) => text.length >= MIN_CHARS))
}

const isSecret = (name: string, value: string) =>
  SECRET_NAME.test(name) || USER_OF_URL.test(value) || (!/\s/.test(value) && looksRandom(value))

const looksRandom = (value: string) =>
  UUID.test(value) ||
  (value.match(LONG_RUN) ?? []).some((run) => /\d/.test(run) && (run.match(CHANGES_OF_KIND) ?? []).length >= RANDOM_CHANGES)

const linesOf = (value: string) => value.split(/\r?\n/).map((line) => line.trim())

/** The password of a URL, or the only name in it. */
function keysIn(value: string): string[] {
  const [user = '', ...password] = USER_OF_URL.exec(value)?.[1]?.split(':') ?? []
  const key = password.length > 0 ? password.join(':') : user
  return [key, decoded(key)]
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
