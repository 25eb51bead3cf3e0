import { invalid } from '../errors.ts'

const ENTRY = /^([A-Za-z0-9_-]+):\s*(.+)$/
const MAX_TYPE_LENGTH = 30

/**
 * Process type → command, in the file's order (CONTRACT.md, Procfile). Blank lines and `#` comments are skipped, CRLF and a byte order mark
 * are tolerated; anything else that is no entry, and a type that stands twice, throws invalid_params with the line numbers.
 */
export function parseProcfile(text: string): Record<string, string> {
  const entries = new Map<string, { command: string; line: number }>()
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, type, command] = ENTRY.exec(line) ?? []
    if (!type || !command)
      throw invalid(`Line ${index + 1} of the Procfile is no "type: command" entry: ${JSON.stringify(line.slice(0, 80))}.`)
    if (type.length > MAX_TYPE_LENGTH)
      throw invalid(`Line ${index + 1} of the Procfile: a process type may have ${MAX_TYPE_LENGTH} characters.`)
    const earlier = entries.get(type)
    if (earlier)
      throw invalid(
        `The Procfile has the process type ${type} twice: in lines ${earlier.line} and ${index + 1}. Remove one of them.`,
      )
    entries.set(type, { command: command.trim(), line: index + 1 })
  }
  return Object.fromEntries([...entries].map(([type, { command }]) => [type, command]))
}
