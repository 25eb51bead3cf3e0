/**
 * JSON as it crosses a wire. Types only: the CLI and the router import this file with `import type`.
 * The Platform API's shapes are those of shared/platform-api-schema.json, as PLATFORM-API.md says they are used.
 */

// ── controller → router, over the unix socket $DOZEN_HOME/router/control.sock ────────────────────────────────────────────

/** PUT /table. Every route, whole: never a delta. `version` rises by at least 1 on each change and survives restarts. */
export type RouteTable = {
  version: number
  apps: RouteApp[]
  /** ACME http-01 (RFC 8555 section 8.3): token → what the router answers for it, on every host. Absent = none. */
  challenges?: Record<string, string>
}

/**
 * What the router may know of an app. `state` says why there is no target, when there is none:
 * blank = nothing deployed (H81) · stopped = web scaled to 0 or no web type (H14) · starting = wait for a target, up to 75 s, then H20 ·
 * crashed = every web dyno has crashed (H10) · asleep = nobody came for a while: wait, and have it woken · serving = there are targets.
 */
export type RouteApp = {
  /** App id: router lines carry it to the log stream. */
  id: string
  name: string
  /** Lower-case host names without port: the default domain and the custom ones. "*.example.com" matches one label. */
  hosts: string[]
  state: 'blank' | 'stopped' | 'starting' | 'crashed' | 'asleep' | 'serving'
  maintenance: boolean
  targets: RouteTarget[]
  /** The app's own limits; absent ones are the router's. */
  rules?: RouteRules
  /** Addresses of the app's own pages (ERROR_PAGE_URL, MAINTENANCE_PAGE_URL): "https://…", "http://…" or "//…". */
  pages?: { error?: string; maintenance?: string }
  /** How long nobody has visited it is of interest: it may fall asleep. */
  sleeps?: true
}
/** What one app asks of the router in place of its defaults. Durations are milliseconds. */
export type RouteRules = {
  /** End of the request to the first byte of the answer. H12. */
  firstByteMs?: number
  /** Silence in either direction once the answer has begun. H15, H28. */
  idleMs?: number
  /** Largest request body. 413. */
  bodyBytes?: number
  /** A request's wait for the app to start. H20. */
  bootWaitMs?: number
  /** Requests that wait for the app to start. H11. */
  waiting?: number
  /** Requests and WebSockets in flight, over all of the router's processes. H22. */
  connections?: number
  /** Requests taken, over all of the router's processes. 429. */
  rate?: { count: number; perMs: number }
  /** Plain HTTP is sent to HTTPS. */
  httpsRedirect?: boolean
  /** Value of Strict-Transport-Security over HTTPS. */
  hsts?: string
}
/** `address` is "ip:port"; `dyno` is "web.1", for the router line. Identity across tables is the address. */
export type RouteTarget = { dyno: string; address: string }

/** 200 of PUT /table: every worker serves `version` now. 409 with the same shape: the router holds a newer one. */
export type TableAck = { version: number }

/** GET /status */
export type RouterStatus = {
  version: number
  pid: number
  /** Ports in force, after 0 was resolved. */
  http: { host: string; port: number }
  https: { host: string; port: number } | null
  /** Requests and upgraded connections in flight per target address, removed targets included until they reach 0. */
  inflight: Record<string, number>
  /** Milliseconds since the last visit, by app id, of those that may fall asleep and have targets; 0 while a request or WebSocket is open. */
  idle: Record<string, number>
}
/** GET /wakes/:after, answered when an app whose state is `asleep` is visited, or after 25 s: all such apps; `seq` is the next call's `after`. */
export type WakeList = { seq: number; apps: string[] }

/** GET /counts: sums over all processes since the router started, by app id; "" is what no app has (unknown hosts, no HTTP). */
export type RouterCounts = {
  since: string
  /** Upper bounds of `durations`, in milliseconds. */
  durationsMs: number[]
  apps: Record<string, AppCounts>
  inflight: Record<string, number>
  /** Of clients, open now. */
  connections: number
  /** Resident, of all its processes. */
  memoryBytes: number
}
export type AppCounts = {
  /** 1xx to 5xx: WebSockets are the 1xx. */
  requests: number[]
  /** By H code. */
  codes: Record<string, number>
  /** Bytes of bodies, to clients and to the app. */
  sent: number
  received: number
  /** Requests by their whole duration; the last class has no upper bound. WebSockets are not among them. */
  durations: number[]
  durationMs: number
}

/** PUT /windows/:id with this body starts to measure an app; DELETE /windows/:id ends it and answers `SwitchCost`. */
export type WindowRequest = { app: string }
/**
 * What a switch cost the app's visitors. `failed` counts 5xx that the router itself made and cut responses; `drained` of `served` came to
 * their end on a process that was already on its way out; `cut` of `failed` did not.
 */
export type SwitchCost = { served: number; failed: number; longestWaitMs: number; drained: number; cut: number }

// ── Platform API ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** GET /apps/:app/metrics: since the router started. `latency_ms` is null where nothing was answered yet. */
export type AppMetrics = {
  since: string
  in_flight: number
  /** By class of status: "2xx". 1xx are WebSockets. */
  requests: Record<string, number>
  /** By H code. */
  errors: Record<string, number>
  bytes: { sent: number; received: number }
  latency_ms: { mean: number | null; p50: number | null; p95: number | null; p99: number | null }
}

export type ErrorBody = { id: string; message: string; resource?: string; url?: string; app?: { name: string } }
export type Ref = { id: string; name: string }
export type UserRef = { id: string; email: string }

export type Account = {
  id: string
  email: string
  name: string | null
  allow_tracking: boolean
  beta: boolean
  verified: boolean
  two_factor_authentication: boolean
  default_team: null
  created_at: string
  updated_at: string
  last_login: string | null
  [more: string]: unknown
}

export type App = {
  id: string
  name: string
  owner: UserRef
  region: Ref
  stack: Ref
  build_stack: Ref
  generation: Ref
  web_url: string
  git_url: string
  maintenance: boolean
  acm: boolean
  archived_at: string | null
  space: null
  team: null
  organization: null
  internal_routing: null
  repo_size: number | null
  slug_size: number | null
  buildpack_provided_description: string | null
  create_status: 'complete'
  created_at: string
  updated_at: string
  released_at: string | null
}

export type ConfigVars = Record<string, string>

/** What a release has that an earlier one had not, and the other way round (after a rollback): newest first, at most fifty each. */
export type Commits = { added: { id: string; title: string }[]; removed: { id: string; title: string }[] }

export type Release = {
  id: string
  version: number
  description: string
  status: 'pending' | 'succeeded' | 'failed' | 'expired'
  current: boolean
  eligible_for_rollback: boolean
  user: UserRef
  slug: { id: string } | null
  output_stream_url: string | null
  addon_plan_names: string[]
  artifacts: { type: 'slug'; id: string }[]
  app: Ref
  created_at: string
  updated_at: string
  /** ours: why it failed or expired, a full sentence; null while it has not. */
  reason: string | null
  /** ours: `rollout` of one that succeeded = the old processes are still drained, and what it cost is not known yet. */
  stage: 'release_phase' | 'rollout' | 'done'
  /** ours: what runs: process type → command. */
  process_types: Record<string, string>
  /** ours: image id, null for v1. */
  image: string | null
  /** ours: source commit, null when there is none. */
  commit: string | null
  /** ours: what the switch to this release cost, once it is done and traffic was measured. */
  switch: SwitchCost | null
  /** ours: the process that failed it and what it wrote last, oldest line first; null = none did, absent in lists. */
  failure?: { dyno: string; lines: string[] } | null
}

export type Formation = {
  id: string
  type: string
  command: string
  quantity: number
  size: string
  dyno_size: Ref
  app: Ref
  created_at: string
  updated_at: string
}
/** PATCH /apps/:app/formation; `quantity` is "3", "+1", "-1" or a number. */
export type FormationBatch = { updates: { type: string; quantity?: string | number; size?: string | { name: string } }[] }

export type Dyno = {
  id: string
  name: string
  type: string
  command: string
  size: string
  state: 'starting' | 'up' | 'idle' | 'crashed' | 'down'
  release: { id: string; version: number }
  app: Ref
  attach_url: string | null
  created_at: string
  updated_at: string
  /** ours: why it is crashed, e.g. "exited with status 1, restarts in 4 s"; null otherwise. */
  reason: string | null
}
/** ours: GET /apps/:app/restarts/:number, the number of the header Dozen-Restart. */
export type Restart = {
  number: number
  status: 'pending' | 'succeeded' | 'failed'
  reason: string | null
  switch: SwitchCost | null
  failure: { dyno: string; lines: string[] } | null
}
/** POST /apps/:app/dynos. `command` runs through the app container's own bash. */
export type DynoCreate = {
  command: string
  attach?: boolean
  env?: Record<string, string | number>
  size?: string
  type?: string
  force_no_tty?: boolean
  time_to_live?: number
}

/** ours: GET /doctor */
export type Finding = { check: string; app: string | null; ok: boolean; found: string; hint: string | null }

export type Domain = {
  id: string
  hostname: string
  kind: 'heroku' | 'custom'
  cname: string | null
  status: string
  acm_status: string | null
  acm_status_reason: string | null
  sni_endpoint: Ref | null
  app: Ref
  created_at: string
  updated_at: string
  /** ours: whether it leads to the app; only the default domain can be off. */
  enabled: boolean
  /** ours: when the certificate is looked after next: renewed, or tried again. */
  acm_next_at: string | null
}

export type LogSessionCreate = {
  source?: string
  dyno?: string
  lines?: number
  tail?: boolean
  type?: string
  release?: number
  /** RFC 3339; `since` inclusive, `until` exclusive. */
  since?: string
  until?: string
  grep?: string
  /** A request id. */
  request?: string
  level?: string
  /** One JSON object a line instead of text. */
  json?: boolean
}
export type LogSession = { id: string; logplex_url: string; created_at: string; updated_at: string }

export type Authorization = {
  id: string
  description: string
  scope: string[]
  access_token: { id: string; token: string | null; expires_in: number | null }
  client: null
  grant: null
  refresh_token: null
  session: null
  user: { id: string; email: string; full_name: string | null }
  created_at: string
  updated_at: string
}

export type Build = {
  id: string
  app: { id: string }
  buildpacks: { name: string; url: string }[]
  output_stream_url: string
  source_blob: { url: string; version: string | null; checksum: string | null; version_description: string | null }
  release: { id: string } | null
  slug: { id: string } | null
  stack: string
  generation: string
  status: 'pending' | 'succeeded' | 'failed'
  user: UserRef
  created_at: string
  updated_at: string
  /** dozen's own: 1, 2 … per app. */
  number: number
  /** Why it failed. */
  reason: string | null
  /** Image ids that it was built in and stands on. */
  stack_images: { build: string | null; run: string | null }
  size_bytes: number | null
  /** Milliseconds per phase. */
  durations_ms: Record<string, number> | null
}
