import { UsageError } from './errors.ts'

/** "A=1" → ["A", "1"]; the value is everything after the first "=". Which keys are allowed is the server's to say. */
export function parseAssignment(text: string): [key: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`${JSON.stringify(text)} is not KEY=value.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

export type ScaleUpdate = { type: string; quantity: string; size?: string }

/** "web=3", "worker+1", "worker-1", "web=2:standard" → an update of PATCH formation. Shape only. */
export function parseScale(text: string): ScaleUpdate {
  const match = /^([A-Za-z0-9_-]+?)(?:=(\d+)|([+-]\d+))(?::([A-Za-z0-9_-]+))?$/.exec(text)
  if (!match) throw new UsageError(`${JSON.stringify(text)} is not TYPE=N, TYPE+N or TYPE-N, e.g. web=3 or worker+1.`)
  const [, type, absolute, relative, size] = match
  return { type: type!, quantity: absolute ?? relative!, ...(size && { size }) }
}

/** "v7" or "7" → 7. */
export function parseVersion(text: string): number {
  const match = /^v?([1-9]\d{0,8})$/.exec(text)
  if (!match) throw new UsageError(`${JSON.stringify(text)} is no release; they look like v7.`)
  return Number(match[1])
}

/** A count for an option: "200" → 200. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`${JSON.stringify(text)} is not a whole number above 0.`)
  return Number(text)
}

/** As parseCount, or 0: `dozen logs --tail -n 0` shows only what is new. */
export const parseLines = (text: string): number => (text === '0' ? 0 : parseCount(text))

/** For a POSIX shell: `it's` → `'it'\''s'`; plain words stay. */
export const shellQuote = (value: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`

// A pipe, a list operator, a redirection; and words in which a shell would see at most a variable's name.
const OPERATOR = /^(?:\|\|?|&&?|;|\d?(?:>>?|<)(?:&\d)?)$/
const PLAIN = /^(?:[A-Za-z0-9_@%+=:,./-]|\{\}|\$[A-Za-z_]|\$\{[A-Za-z_][A-Za-z0-9_]*\})+$/

/**
 * The line that the dyno's shell reads. One word is a line already ("echo $HOME && date"). Of several, operators and variables go as
 * they are, as with Heroku's client; a word with blanks, quotes or other signs is quoted, so that it arrives there as it was here.
 */
export const commandLine = (words: readonly string[]): string =>
  words.length === 1
    ? words[0]!
    : words.map((word) => (OPERATOR.test(word) || PLAIN.test(word) ? word : shellQuote(word))).join(' ')

/** "90s", "30m", "2h" → seconds. */
export function parseSpan(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) throw new UsageError(`${JSON.stringify(text)} is no time; they look like 90s, 30m or 2h.`)
  return (Number(match[1]) * AGO_MS[match[2] as keyof typeof AGO_MS]) / 1000
}

const AGO_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** "10m" → the time ten minutes ago, "2026-01-31T12:00:00Z" → itself; RFC 3339. */
export function parseTime(text: string): string {
  const ago = /^(\d{1,6})([smhd])$/.exec(text)
  const at = ago ? Date.now() - Number(ago[1]) * AGO_MS[ago[2] as keyof typeof AGO_MS] : Date.parse(text)
  if (Number.isNaN(at) || (!ago && !/^\d{4}-\d\d-\d\d/.test(text)))
    throw new UsageError(
      `${JSON.stringify(text)} is no time: give one such as 2026-01-31T12:00:00Z, or how long ago: 30s, 10m, 2h, 1d.`,
    )
  return new Date(at).toISOString()
}
