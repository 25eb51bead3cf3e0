/**
 * JSON as it crosses a wire. Types only: the CLI and the router import this file with `import type`.
 * The Platform API's shapes are those of shared/platform-api-schema.json, as PLATFORM-API.md says they are used.
 */

// ── controller → router, over the unix socket $DOZEN_HOME/router/control.sock ────────────────────────────────────────────

/** PUT /table. Every route, whole: never a delta. `version` rises by at least 1 on each change and survives restarts. */
export type RouteTable = { version: number; apps: RouteApp[] }

/**
 * What the router may know of an app. `state` says why there is no target, when there is none:
 * blank = nothing deployed (H81) · stopped = web scaled to 0 or no web type (H14) · starting = wait for a target, up to 75 s, then H20 ·
 * crashed = every web dyno has crashed (H10) · serving = there are targets.
 */
export type RouteApp = {
  /** App id: router lines carry it to the log stream. */
  id: string
  name: string
  /** Lower-case host names without port: the default domain and the custom ones. "*.example.com" matches one label. */
  hosts: string[]
  state: 'blank' | 'stopped' | 'starting' | 'crashed' | 'serving'
  maintenance: boolean
  targets: RouteTarget[]
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
}

/** PUT /windows/:id with this body starts to measure an app; DELETE /windows/:id ends it and answers `SwitchCost`. */
export type WindowRequest = { app: string }
/** What a switch cost the app's visitors. `failed` counts 5xx that the router itself made and cut responses. */
export type SwitchCost = { served: number; failed: number; longestWaitMs: number; cut: number }

// ── Platform API ──────────────────────────────────────────────────────────────────────────────────────────────────────────

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
  app: Ref
  created_at: string
  updated_at: string
  /** ours: why it failed or expired, a full sentence; null while it has not. */
  reason: string | null
  /** ours: what runs: process type → command. */
  process_types: Record<string, string>
  /** ours: image id, null for v1. */
  image: string | null
  /** ours: source commit, null when there is none. */
  commit: string | null
  /** ours: what the switch to this release cost, once it is done and traffic was measured. */
  switch: SwitchCost | null
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

export type Domain = {
  id: string
  hostname: string
  kind: 'heroku' | 'custom'
  cname: string | null
  status: string
  acm_status: string | null
  acm_status_reason: string | null
  sni_endpoint: null
  app: Ref
  created_at: string
  updated_at: string
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
  status: 'pending' | 'succeeded' | 'failed'
  user: UserRef
  created_at: string
  updated_at: string
}
