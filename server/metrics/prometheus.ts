import { AggregatorRegistry } from 'prom-client'
import type { AppCounts, RouterCounts } from '../api/wire.ts'
import type { Named } from './metrics.ts'

type Labels = Record<string, string | number>
type Value = { labels: Labels; value: number; metricName?: string }
/** What prom-client's registries give one another as JSON (`getMetricsAsJSON`): its way to take counts that other processes made. */
type Family = { name: string; help: string; type: 'counter' | 'gauge' | 'histogram'; values: Value[]; aggregator: 'sum' }

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const
/** The label of what no app has: unknown hosts, and what is no HTTP. */
const NO_APP = ''

/** The text that `GET /metrics` answers. */
export async function render(
  counts: RouterCounts,
  apps: readonly Named[],
  hasAll: boolean,
): Promise<{ type: string; body: string }> {
  const known = apps.flatMap(({ id, name }): [string, AppCounts][] => (counts.apps[id] ? [[name, counts.apps[id]]] : []))
  const rows = hasAll && counts.apps[''] ? [...known, [NO_APP, counts.apps['']] as [string, AppCounts]] : known
  const busy = apps.flatMap(({ id, name }): [string, number][] => (counts.inflight[id] ? [[name, counts.inflight[id]]] : []))
  const families = [...ofApps(rows), inflight(busy), durations(rows, counts.durationsMs), ...(hasAll ? ofProcesses(counts) : [])]
  const registry = AggregatorRegistry.aggregate([families])
  return { type: registry.contentType, body: await registry.metrics() }
}

function ofApps(rows: [string, AppCounts][]): Family[] {
  const each = (list: (counts: AppCounts) => [Labels, number][]) =>
    rows.flatMap(([app, counts]) => list(counts).map(([labels, value]) => ({ labels: { app, ...labels }, value })))
  return [
    counter('dozen_router_requests_total', 'Requests by app and class of status; 1xx are WebSockets.', each(({ requests }) => CLASSES.map((name, i) => [{ class: name }, requests[i]!]))), // prettier-ignore
    counter('dozen_router_errors_total', 'Requests that ended with an H code, by app and code.', each(({ codes }) => Object.entries(codes).map(([code, count]) => [{ code }, count]))), // prettier-ignore
    counter(
      'dozen_router_sent_bytes_total',
      'Bytes of bodies sent to clients, by app.',
      each(({ sent }) => [[{}, sent]]),
    ),
    counter(
      'dozen_router_received_bytes_total',
      'Bytes of bodies passed to apps.',
      each(({ received }) => [[{}, received]]),
    ),
  ]
}

const counter = (name: string, help: string, values: Value[]): Family => ({
  name,
  help,
  type: 'counter',
  values,
  aggregator: 'sum',
})

const gauge = (name: string, help: string, value: number): Family => ({
  name,
  help,
  type: 'gauge',
  values: [{ labels: {}, value }],
  aggregator: 'sum',
})

const inflight = (busy: [string, number][]): Family => ({
  name: 'dozen_router_inflight_requests',
  help: 'Requests and WebSockets in flight, by app.',
  type: 'gauge',
  values: busy.map(([app, value]) => ({ labels: { app }, value })),
  aggregator: 'sum',
})

function durations(rows: [string, AppCounts][], boundsMs: readonly number[]): Family {
  const name = 'dozen_router_request_duration_seconds'
  const values = rows.flatMap(([app, counts]) => {
    let sum = 0
    const buckets = counts.durations.map((count, i): Value => {
      sum += count
      const le = boundsMs[i] === undefined ? '+Inf' : boundsMs[i] / 1000
      return { labels: { app, le }, value: sum, metricName: `${name}_bucket` }
    })
    const total = { labels: { app }, value: counts.durationMs / 1000, metricName: `${name}_sum` }
    return [...buckets, total, { labels: { app }, value: sum, metricName: `${name}_count` }]
  })
  return { name, help: 'Whole durations of requests, by app; WebSockets are not among them.', type: 'histogram', values, aggregator: 'sum' } // prettier-ignore
}

function ofProcesses({ connections, memoryBytes, since }: RouterCounts): Family[] {
  const { user, system } = process.cpuUsage()
  return [
    gauge('dozen_router_connections', "Clients' connections that are open.", connections),
    gauge('dozen_router_resident_memory_bytes', 'Resident memory of all processes of the router.', memoryBytes),
    gauge('dozen_router_start_time_seconds', 'When the router started to count, since the epoch.', Date.parse(since) / 1000),
    gauge('process_resident_memory_bytes', 'Resident memory of the controller.', process.memoryUsage.rss()),
    counter('process_cpu_seconds_total', 'Processor time of the controller.', [{ labels: {}, value: (user + system) / 1e6 }]),
  ]
}
