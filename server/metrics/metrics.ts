import type { AppCounts, AppMetrics, RouterCounts } from '../api/wire.ts'
import { AppError } from '../errors.ts'
import { quantile } from './quantile.ts'

export type Named = { readonly id: string; readonly name: string }
type Deps = { router: { counts(): Promise<RouterCounts> } }

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** What the router counted, for a monitor and for the API. */
export function metrics({ router }: Deps) {
  const read = () =>
    router.counts().catch((cause: unknown) => {
      throw new AppError('unavailable', 'The router does not answer now. Try again in a moment.', { cause })
    })
  return {
    /** In Prometheus' text format: the series of these apps, and with `hasAll` those of the router itself and of this process. */
    async text(apps: readonly Named[], hasAll: boolean): Promise<{ type: string; body: string }> {
      const [counts, { render }] = await Promise.all([read(), import('./prometheus.ts')])
      return render(counts, apps, hasAll)
    },

    /** Since the router started; zeros for an app that nobody visited. */
    async ofApp(app: Named): Promise<AppMetrics> {
      const { since, apps, inflight, durationsMs } = await read()
      return appMetrics(apps[app.id], { since, inflight: inflight[app.id] ?? 0, bounds: durationsMs })
    },
  }
}
export type Metrics = ReturnType<typeof metrics>

type Around = { since: string; inflight: number; bounds: readonly number[] }

function appMetrics(counts: AppCounts | undefined, { since, inflight, bounds }: Around): AppMetrics {
  const durations = counts?.durations ?? []
  const answered = durations.reduce((sum, count) => sum + count, 0)
  const at = (share: number) => quantile(share, bounds, durations)
  return {
    since,
    in_flight: inflight,
    requests: Object.fromEntries(CLASSES.map((name, i) => [name, counts?.requests[i] ?? 0])),
    errors: counts?.codes ?? {},
    bytes: { sent: counts?.sent ?? 0, received: counts?.received ?? 0 },
    latency_ms: {
      mean: answered > 0 ? Math.round((counts!.durationMs / answered) * 100) / 100 : null,
      p50: at(0.5), p95: at(0.95), p99: at(0.99),
    },
  } // prettier-ignore
}
