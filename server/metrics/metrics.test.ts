import { expect, it } from 'vitest'
import type { RouterCounts } from '../api/wire.ts'
import { metrics } from './metrics.ts'
import { quantile } from './quantile.ts'

const COUNTS: RouterCounts = {
  since: '2026-01-01T00:00:00.000Z',
  durationsMs: [10, 100],
  apps: {
    a1: { requests: [1, 6, 0, 1, 2], codes: { H12: 2 }, sent: 500, received: 40, durations: [6, 2, 1], durationMs: 1_060 },
    a2: { requests: [0, 1, 0, 0, 0], codes: {}, sent: 5, received: 0, durations: [1, 0, 0], durationMs: 2 },
    '': { requests: [0, 0, 0, 3, 0], codes: {}, sent: 9, received: 0, durations: [0, 0, 0], durationMs: 0 },
  },
  inflight: { a1: 4 },
  connections: 7,
  memoryBytes: 1e6,
}
const verbs = metrics({ router: { counts: async () => COUNTS } })
const shop = { id: 'a1', name: 'shop' }
const other = { id: 'a2', name: 'it"s' }

it('are counters, gauges and a histogram that Prometheus reads', async () => {
  const { type, body } = await verbs.text([shop, other], true)
  expect(type).toMatch(/^text\/plain; version=0\.0\.4/)
  for (const line of [
    '# TYPE dozen_router_requests_total counter',
    'dozen_router_requests_total{app="shop",class="2xx"} 6',
    'dozen_router_requests_total{app="it\\"s",class="2xx"} 1',
    'dozen_router_requests_total{app="",class="4xx"} 3',
    'dozen_router_errors_total{app="shop",code="H12"} 2',
    '# TYPE dozen_router_request_duration_seconds histogram',
    'dozen_router_request_duration_seconds_bucket{app="shop",le="0.01"} 6',
    'dozen_router_request_duration_seconds_bucket{app="shop",le="0.1"} 8',
    'dozen_router_request_duration_seconds_bucket{app="shop",le="+Inf"} 9',
    'dozen_router_request_duration_seconds_sum{app="shop"} 1.06',
    'dozen_router_request_duration_seconds_count{app="shop"} 9',
    'dozen_router_sent_bytes_total{app="shop"} 500',
    'dozen_router_received_bytes_total{app="shop"} 40',
    'dozen_router_inflight_requests{app="shop"} 4',
    'dozen_router_connections 7',
    'dozen_router_resident_memory_bytes 1000000',
  ])
    expect(body.split('\n')).toContain(line)
})

it('show nothing of the apps of others, nor of the router, to who is no admin', async () => {
  const { body } = await verbs.text([other], false)
  expect(body).not.toMatch(/shop|app=""|connections|process_/)
  expect(body).toContain('dozen_router_requests_total{app="it\\"s",class="2xx"} 1')
})

it('of one app are its counts, with quantiles of its latency', async () => {
  expect(await verbs.ofApp(shop)).toEqual({
    since: COUNTS.since,
    in_flight: 4,
    requests: { '1xx': 1, '2xx': 6, '3xx': 0, '4xx': 1, '5xx': 2 },
    errors: { H12: 2 },
    bytes: { sent: 500, received: 40 },
    latency_ms: { mean: 117.78, p50: 7.5, p95: 100, p99: 100 },
  })
})

it('of an app that nobody visited are zeros', async () => {
  expect(await verbs.ofApp({ id: 'a9', name: 'new' })).toMatchObject({
    requests: { '2xx': 0 },
    latency_ms: { mean: null, p50: null },
  })
})

it('say that the router is away', async () => {
  const away = metrics({ router: { counts: () => Promise.reject(new Error('ENOENT')) } })
  await expect(away.ofApp(shop)).rejects.toMatchObject({ code: 'unavailable' })
})

it.each([
  [0.5, [10, 0, 0], 5],
  [1, [10, 0, 0], 10],
  [0.5, [0, 10, 0], 55],
  [0.99, [0, 0, 10], 100],
  [0.5, [0, 0, 0], null],
])('the %d quantile of %j is %d', (share, counts, expected) => expect(quantile(share, [10, 100], counts)).toBe(expected))
