import type { AppMetrics } from '../../../server/api/wire.ts'
import { appCommand, type AppOption, appPath, type JsonOption, type Make } from '../../command.ts'
import { heading, json } from '../../output.ts'
import { table } from '../../table.ts'

/** GET /apps/:app/metrics */
export const show: Make = (context) =>
  appCommand('metrics', "show what an app's visitors met since the router started: requests, latency, errors, bytes")
    .option('--json', 'print them as JSON')
    .action(async (options: AppOption & JsonOption) => {
      const app = await context.app(options.app)
      const metrics = await context.api.get<AppMetrics>(appPath(app, 'metrics'))
      if (options.json) return json(context, metrics)
      heading(context, `${app} Metrics since ${metrics.since}`)
      table(rows(metrics)).forEach(context.out)
    })

function rows({ requests, errors, latency_ms: latency, bytes, in_flight }: AppMetrics): string[][] {
  const counts = (of: Record<string, number>) =>
    Object.entries(of)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join('  ')
  const ms = (value: number | null) => (value === null ? '-' : `${value} ms`)
  return [
    ['Requests:', counts(requests) || 'none'],
    ['In flight:', String(in_flight)],
    ['Errors:', counts(errors) || 'none'],
    ['Latency:', `mean ${ms(latency.mean)}  p50 ${ms(latency.p50)}  p95 ${ms(latency.p95)}  p99 ${ms(latency.p99)}`],
    ['Bytes:', `${bytes.sent} sent  ${bytes.received} received`],
  ]
}
