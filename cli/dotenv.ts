import { UsageError } from './errors.ts'

const LINE = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/**
 * Config vars of a file: a JSON object of strings (`heroku config --json`), or lines KEY=value as .env files and `config --shell` have
 * them: 'as it is', "with \n escapes", plain; blank lines and lines with # are passed over. Throws UsageError that names the line.
 */
export function parseVars(text: string): Record<string, string> {
  if (text.trimStart().startsWith('{')) return ofJson(text)
  const vars: Record<string, string> = {}
  const lines = text.split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (/^\s*(#|$)/.test(line)) continue
    const [, key, first = ''] = LINE.exec(line) ?? []
    if (!key) throw new UsageError(`Line ${at + 1} is not KEY=value: ${JSON.stringify(line.slice(0, 60))}`)
    let rest = first
    while (isOpen(rest) && at + 1 < lines.length) rest += `\n${lines[++at]!}`
    vars[key] = valueOf(rest, at + 1)
  }
  return vars
}

function ofJson(text: string): Record<string, string> {
  try {
    const vars = JSON.parse(text) as Record<string, unknown>
    if (Object.values(vars).every((value) => typeof value === 'string')) return vars as Record<string, string>
  } catch {
    // told below
  }
  throw new UsageError('That is not a JSON object of strings.')
}

/** A quote that this line does not close: the value goes on. */
const isOpen = (text: string) =>
  (text.startsWith("'") && !/^'[^']*'(\\''[^']*')*\s*(#.*)?$/.test(text)) ||
  (text.startsWith('"') && !/^"(\\[^]|[^"\\])*"\s*(#.*)?$/.test(text))

function valueOf(text: string, line: number): string {
  if (isOpen(text)) throw new UsageError(`A quote is not closed in line ${line}.`)
  if (text.startsWith("'")) return text.replace(/'\s*(#.*)?$/, '').slice(1).replaceAll("'\\''", "'") // prettier-ignore
  if (!text.startsWith('"')) return text.replace(/\s+#.*$/, '').trimEnd()
  return text
    .replace(/"\s*(#[^"]*)?$/, '')
    .slice(1)
    .replace(/\\([^])/g, (_, sign: string) => ESCAPES[sign] ?? sign)
}
