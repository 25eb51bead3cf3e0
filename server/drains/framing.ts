import type { LogLine } from '../logs/line.ts'

/** Facility and severity (RFC 5424 §6.2.1) as Heroku sets them: apps local7.info, the router local3.info, the platform syslog.notice. */
const priority = ({ source, dyno }: LogLine) => (source === 'app' ? 190 : dyno === 'router' ? 158 : 45)

/** "<190>1 2026-01-01T00:00:00.000000+00:00 host app web.1 - text": Heroku leaves the structured data out where the standard wants "-". */
const head = (line: LogLine, hostname: string) => `<${priority(line)}>1 ${line.time} ${hostname} ${line.source} ${line.dyno} -`

/** One RFC 5424 message; the host name is the drain's token, by which the receiver knows the app. */
export const syslog = (line: LogLine, token: string) => `${head(line, token)} - ${line.text}`

/** RFC 6587 §3.4.1, octet counting: any text may follow, line ends too. */
export const counted = (message: string) => `${Buffer.byteLength(message)} ${message}`

/** application/logplex-1: the same, with Heroku's five-field head. */
export const logplex = (lines: readonly LogLine[]) =>
  lines.map((line) => counted(`${head(line, 'host')} ${line.text}\n`)).join('')

/** One JSON object a line. */
export const ndjson = (lines: readonly LogLine[]) =>
  lines.map(({ time, source, dyno, release, text }) => `${JSON.stringify({ time, source, dyno, release, text })}\n`).join('')
