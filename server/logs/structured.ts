/** Levels from the worst on, with the names that loggers use for them (pino and bunyan: numbers). */
const LEVELS = [
  ['fatal', 'critical', 'crit', 'emerg', 'alert', 'panic', '60'],
  ['error', 'err', '50'],
  ['warn', 'warning', '40'],
  ['info', 'notice', 'information', '30'],
  ['debug', '20'],
  ['trace', 'verbose', '10'],
] as const

const rankOf = (level: string) => LEVELS.findIndex((names) => (names as readonly string[]).includes(level.toLowerCase()))

/** Whether `name` is a level that `--level` knows. */
export const isLevel = (name: string) => rankOf(name) >= 0

export function isAtLeast(level: string | undefined, wanted: string): boolean {
  const rank = level === undefined ? -1 : rankOf(level)
  return rank >= 0 && rank <= rankOf(wanted)
}

const PAIR = /(?:^|\s)([A-Za-z_][\w.@-]{0,127})=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*))/g

/** The fields of a line of JSON or logfmt; undefined when it is neither. Values are text. */
export function fieldsOf(text: string): Readonly<Record<string, string>> | undefined {
  if (text.startsWith('{')) return jsonFields(text)
  if (!text.includes('=')) return undefined
  const found: [string, string][] = []
  for (const [, key, quoted, plain] of text.matchAll(PAIR))
    found.push([key!, quoted === undefined ? plain! : quoted.replace(/\\(.)/g, '$1')])
  return found.length > 0 ? Object.fromEntries(found) : undefined
}

function jsonFields(text: string): Record<string, string> | undefined {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>)
    return Object.fromEntries(entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]))
  } catch {
    return undefined
  }
}

/** The level that a structured line names: level, severity, lvl or at. */
export function levelOf(text: string): string | undefined {
  const fields = fieldsOf(text)
  return fields && (fields['level'] ?? fields['severity'] ?? fields['lvl'] ?? fields['at'])
}

/** Whether the text holds `wanted`, or is a structured line in which "key=value" is so. */
export function says(text: string, wanted: string): boolean {
  if (text.includes(wanted)) return true
  const [, key, value] = /^([\w.@-]+)=(.*)$/.exec(wanted) ?? []
  return key !== undefined && text.includes(key) && fieldsOf(text)?.[key] === value
}
