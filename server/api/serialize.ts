import { createHash } from 'node:crypto'
import type { AcmeStatus } from '../acme/acme.ts'
import type { Account } from '../accounts/account.ts'
import type { Token } from '../accounts/store.ts'
import type { App } from '../apps/app.ts'
import type { Build } from '../builds/build.ts'
import type { Domain } from '../domains/domain.ts'
import type { Dyno, FormationEntry } from '../formation/formation.ts'
import type { RestartReport } from '../formation/restarts.ts'
import type { Release } from '../releases/release.ts'
import type * as wire from './wire.ts'

/** One size: limits are settings, not products. Must not be "eco" (PLATFORM-API.md §7). */
export const SIZE = 'Standard-1X'
export const FIXED = {
  region: { id: '00000000-0000-4000-8000-000000000001', name: 'us' },
  generation: { id: '00000000-0000-4000-8000-000000000002', name: 'cedar' },
  size: { id: '00000000-0000-4000-8000-000000000003', name: SIZE },
}
const STACK_IDS: Readonly<Record<string, string>> = {
  'heroku-22': '00000000-0000-4000-8000-000000000022',
  container: '00000000-0000-4000-8000-000000000023',
}
export const stackId = (name: string) => STACK_IDS[name] ?? uuidOf(`stack ${name}`)

/** Where a client reached us, for the URLs in answers. */
export type Origin = { apiUrl: string; webUrl: (app: App) => string }

export const account = (a: Account): wire.Account => ({
  id: a.id,
  email: a.email,
  name: a.name,
  allow_tracking: false,
  beta: false,
  country_of_residence: null,
  default_organization: null,
  default_team: null,
  federated: false,
  identity_provider: null,
  last_login: null,
  sms_number: null,
  suspended_at: a.disabledAt?.toISOString() ?? null,
  delinquent_at: null,
  two_factor_authentication: false,
  verified: true,
  created_at: a.createdAt.toISOString(),
  updated_at: a.updatedAt.toISOString(),
})

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** The same UUID (version 8, RFC 9562 §5.8) for the same thing, where what it is known by inside is none. */
export function uuidOf(id: string): string {
  if (UUID.test(id)) return id
  const hex = createHash('sha256').update(id).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const appRef = ({ id, name }: App) => ({ id, name })
const stackRef = (name: string) => ({ id: stackId(name), name })

/** The same address with another name. */
const withHost = (url: string, hostname: string) => Object.assign(new URL(url), { hostname }).href

export const app = (
  a: App,
  origin: Origin,
  { releasedAt = null as Date | null, acm = false, hostname = undefined as string | undefined } = {},
): wire.App => ({
  id: a.id,
  name: a.name,
  owner: a.owner,
  region: FIXED.region,
  stack: stackRef(a.stack),
  build_stack: stackRef(a.stack),
  generation: FIXED.generation,
  web_url: hostname === undefined ? origin.webUrl(a) : withHost(origin.webUrl(a), hostname),
  git_url: `${origin.apiUrl}/${a.name}.git`,
  maintenance: a.maintenance,
  acm,
  archived_at: null,
  space: null,
  team: null,
  organization: null,
  internal_routing: null,
  repo_size: 0,
  slug_size: null,
  buildpack_provided_description: null,
  create_status: 'complete',
  created_at: a.createdAt.toISOString(),
  updated_at: a.updatedAt.toISOString(),
  released_at: releasedAt?.toISOString() ?? null,
})

export const release = (r: Release, a: App, { current, eligible }: { current: boolean; eligible: boolean }): wire.Release => ({
  id: r.id,
  version: r.version,
  description: r.description,
  status: r.status,
  current,
  eligible_for_rollback: eligible,
  user: r.user,
  slug: r.source ? { id: r.source.buildId ?? r.id } : null,
  output_stream_url: null,
  addon_plan_names: [],
  artifacts: r.source ? [{ type: 'slug', id: r.source.buildId ?? r.id }] : [],
  app: appRef(a),
  created_at: r.createdAt.toISOString(),
  updated_at: r.updatedAt.toISOString(),
  reason: r.reason,
  stage: r.stage,
  process_types: { ...r.source?.processTypes },
  image: r.source?.image ?? null,
  commit: r.source?.commit ?? null,
  switch: r.cost,
})

export const formation = (f: FormationEntry, a: App): wire.Formation => ({
  id: uuidOf(f.id),
  type: f.type,
  command: f.command,
  quantity: f.quantity,
  size: SIZE,
  dyno_size: FIXED.size,
  app: appRef(a),
  created_at: f.createdAt.toISOString(),
  updated_at: f.updatedAt.toISOString(),
})

export const dyno = (d: Dyno, a: App, attachUrl: string | null = null): wire.Dyno => ({
  id: uuidOf(d.id),
  name: d.name,
  type: d.type,
  command: d.command,
  size: SIZE,
  state: d.state,
  release: d.release,
  app: appRef(a),
  attach_url: attachUrl,
  created_at: d.createdAt.toISOString(),
  updated_at: d.updatedAt.toISOString(),
  reason: d.reason,
})

export const restart = ({ cost, failure, ...report }: RestartReport): wire.Restart => ({
  ...report,
  switch: cost,
  failure: failure && { ...failure, lines: [...failure.lines] },
})

type DomainView = { target: string; acm: AcmeStatus; cert: { id: string; name: string } | undefined }
export const domain = (d: Domain, a: App, { target, acm, cert }: DomainView): wire.Domain => ({
  id: d.id,
  hostname: d.hostname,
  kind: d.kind === 'platform' ? 'heroku' : 'custom',
  cname: d.kind === 'platform' ? null : target,
  status: d.kind === 'platform' ? 'succeeded' : 'none',
  acm_status: acm.status,
  acm_status_reason: acm.reason,
  acm_next_at: acm.nextAt?.toISOString() ?? null,
  sni_endpoint: cert ? { id: cert.id, name: cert.name } : null,
  enabled: d.isOn,
  app: appRef(a),
  created_at: d.createdAt.toISOString(),
  updated_at: d.updatedAt.toISOString(),
})

export const build = (b: Build, a: App, origin: Origin, releaseId: string | null): wire.Build => ({
  id: b.id,
  app: { id: a.id },
  buildpacks: (b.buildpacks ?? []).map((name) => ({ name, url: name.startsWith('heroku/') ? `urn:buildpack:${name}` : name })),
  output_stream_url: `${origin.apiUrl}/apps/${a.id}/builds/${b.id}/output`,
  source_blob: { url: `${origin.apiUrl}/${a.name}.git`, version: b.commit, checksum: null, version_description: null },
  release: releaseId ? { id: releaseId } : null,
  slug: b.status === 'succeeded' ? { id: b.id } : null,
  stack: a.stack,
  generation: FIXED.generation.name,
  status: b.status === 'canceled' ? 'failed' : b.status,
  user: b.user,
  created_at: b.createdAt.toISOString(),
  updated_at: b.updatedAt.toISOString(),
  number: b.number,
  reason: b.reason,
  stack_images: { build: b.stackImage, run: b.runImage ?? null },
  size_bytes: b.sizeBytes ?? null,
  durations_ms: b.durations ?? null,
})

/** `secret` only in the answer that makes it: it is shown once. */
export const authorization = (t: Token, owner: Account, now: Date, secret: string | null): wire.Authorization => ({
  id: t.id,
  description: t.description,
  scope: [...t.scope],
  access_token: {
    id: t.id,
    token: secret ?? '[redacted]',
    expires_in: t.expiresAt ? Math.max(0, Math.floor((t.expiresAt.getTime() - now.getTime()) / 1000)) : null,
  },
  client: null,
  grant: null,
  refresh_token: null,
  session: null,
  user: { id: owner.id, email: owner.email, full_name: owner.name },
  created_at: t.createdAt.toISOString(),
  updated_at: t.updatedAt.toISOString(),
})
