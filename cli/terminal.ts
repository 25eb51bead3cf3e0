import type { Env } from './settings.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'
const SGR: Record<Style, number> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 }

export type Terminal = {
  /** Someone types, someone reads what we print, someone sees our progress. */
  isInput: boolean
  isOutput: boolean
  isError: boolean
  /** Colour on stdout: a terminal, and nobody said NO_COLOR. */
  isColored: boolean
  columns: number
  rows: number
}

type Screen = { isTTY?: boolean; columns?: number; rows?: number }

export const terminalOf = (env: Env, streams: { stdin: Screen; stdout: Screen; stderr: Screen }): Terminal => ({
  isInput: streams.stdin.isTTY === true,
  isOutput: streams.stdout.isTTY === true,
  isError: streams.stderr.isTTY === true,
  isColored: streams.stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
  columns: streams.stdout.columns || 80, // 0 where nobody has told it, as on a serial line
  rows: streams.stdout.rows || 24,
})

export const styled = ({ isColored }: Pick<Terminal, 'isColored'>, style: Style, text: string): string =>
  isColored && text ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text

// Any escape sequence: CSI, then OSC, DCS, SOS, PM and APC up to their end, then two-byte ones.

const ESCAPES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]/g
// C0 but tab, DEL, C1, and what reorders the text around it.

const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

const IS_SGR = /^\x1b\[[0-9;:]*m$/

const RESET = '\x1b[0m'

/**
 * One line of someone else's text, made safe to print: colours stay with `keepColors` (and end with the line), every other
 * escape sequence and control character goes (CVE-2021-25743).
 */
export function safe(line: string, { keepColors = false } = {}): string {
  let result = ''
  let from = 0
  let isColored = false
  for (const { 0: escape, index } of line.matchAll(ESCAPES)) {
    result += line.slice(from, index).replace(CONTROLS, '')
    from = index + escape.length
    if (!keepColors || !IS_SGR.test(escape)) continue
    result += escape
    isColored = true
  }
  result += line.slice(from).replace(CONTROLS, '')
  return isColored && !result.endsWith(RESET) ? result + RESET : result
}

/** Columns that a text takes, near enough: wide East Asian characters and emoji take two, marks none. */
export function width(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOf(character)
  return columns
}

const columnsOf = (character: string): number => {
  if (character < '\u0300') return 1
  if (/\p{Mark}|\u200d/u.test(character)) return 0
  return /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
    character,
  )
    ? 2
    : 1
}
