import type { Account, App, Build, Domain, Dyno, Formation, Release } from '../../server/api/wire.ts'

const AT = '2026-01-01T11:58:30Z'
const ref = (name: string) => ({ id: `id-of-${name}`, name })
const USER = { id: 'u1', email: 'me@example.com' }

export const account: Account = {
  ...USER,
  name: null,
  allow_tracking: false,
  beta: false,
  verified: true,
  two_factor_authentication: false,
  default_team: null,
  created_at: AT,
  updated_at: AT,
  last_login: null,
}

export const app = (name = 'shop', more: Partial<App> = {}): App => ({
  ...ref(name),
  owner: USER,
  region: ref('us'),
  stack: ref('dozen-24'),
  build_stack: ref('dozen-24'),
  generation: ref('cedar'),
  web_url: `http://${name}.localhost:8080/`,
  git_url: `http://127.0.0.1:5170/${name}.git`,
  maintenance: false,
  acm: false,
  archived_at: null,
  space: null,
  team: null,
  organization: null,
  internal_routing: null,
  repo_size: 2048,
  slug_size: 5_500_000,
  buildpack_provided_description: 'Node.js',
  create_status: 'complete',
  created_at: AT,
  updated_at: AT,
  released_at: AT,
  ...more,
})

export const dyno = (name: string, more: Partial<Dyno> = {}): Dyno => ({
  ...ref(name),
  type: name.split('.')[0]!,
  command: 'node server.js',
  size: 'standard',
  state: 'up',
  release: { id: 'r7', version: 7 },
  app: ref('shop'),
  attach_url: null,
  created_at: AT,
  updated_at: AT,
  reason: null,
  ...more,
})

export const formation = (type: string, quantity: number): Formation => ({
  id: `id-of-${type}`,
  type,
  command: `node ${type}.js`,
  quantity,
  size: 'standard',
  dyno_size: ref('standard'),
  app: ref('shop'),
  created_at: AT,
  updated_at: AT,
})

export const release = (version: number, more: Partial<Release> = {}): Release => ({
  id: `r${version}`,
  version,
  description: `Deploy ${String(version).repeat(8)}`,
  status: 'succeeded',
  current: false,
  eligible_for_rollback: true,
  user: USER,
  slug: { id: `s${version}` },
  output_stream_url: null,
  addon_plan_names: [],
  artifacts: [],
  app: ref('shop'),
  created_at: AT,
  updated_at: AT,
  reason: null,
  stage: 'done',
  process_types: { web: 'node server.js' },
  image: `sha256:${String(version).repeat(8)}`,
  commit: String(version).repeat(40).slice(0, 40),
  switch: null,
  ...more,
})

export const domain = (hostname: string, kind: Domain['kind'], more: Partial<Domain> = {}): Domain => ({
  id: `id-of-${hostname}`,
  hostname,
  kind,
  cname: kind === 'custom' ? 'shop.localhost' : null,
  status: 'none',
  acm_status: null,
  acm_next_at: null,
  enabled: true,
  acm_status_reason: null,
  sni_endpoint: null,
  app: ref('shop'),
  created_at: AT,
  updated_at: AT,
  ...more,
})

export const build = (id: string, more: Partial<Build> = {}): Build => ({
  id,
  app: { id: 'id-of-shop' },
  buildpacks: [{ name: 'nodejs', url: 'nodejs' }],
  output_stream_url: '/streams/build',
  source_blob: { url: '', version: '7'.repeat(40), checksum: null, version_description: null },
  release: { id: 'r7' },
  slug: { id: 's7' },
  stack: 'dozen-24',
  generation: 'cedar',
  status: 'succeeded',
  user: USER,
  created_at: AT,
  updated_at: AT,
  number: 3,
  reason: null,
  stack_images: { build: 'sha256:b1', run: 'sha256:r1' },
  size_bytes: 492_300_000,
  durations_ms: { source: 40, build: 2340, image: 410 },
  ...more,
})
