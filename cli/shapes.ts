/** What the client reads of resources that server/api/wire.ts does not type yet; each is a part of the Platform API's own shape. */
export type Key = { id: string; email: string; public_key: string; comment: string | null; fingerprint: string }
export type Collaborator = { id: string; role: string | null; user: { id: string; email: string } }
export type Drain = { id: string; url: string; token: string }
export type Feature = { id: string; name: string; description: string; enabled: boolean; state: string }
export type Stack = { id: string; name: string; state: string; default: boolean }
/** Image ids. */
export type Rebuilt = Stack & { images: { build: string; run: string } }
export type Source = { source_blob: { get_url: string; put_url: string } }
export type BuildpackInstallation = { ordinal: number; buildpack: { name: string; url: string } }
/** Times in seconds. */
export type HealthCheck = { type: string; path: string; interval: number; timeout: number; failures: number }
/** Values as people write them: "90s", "10m". */
export type AppSetting = { name: string; value: string; default: string; own: boolean; about: string }
/** `after` in seconds. */
export type Sleep = { enabled: boolean; after: number; asleep_since: string | null }
/** Memory in bytes; cpus null = all cores. */
export type ProcessLimits = { type: string; memory: number; cpus: number | null; pids: number; default: boolean }
export type CronRun = {
  dyno: string
  release: { version: number }
  state: string
  exit_code: number | null
  started_at: string
  ended_at: string | null
}
export type CronJob = {
  id: string
  schedule: string
  command: string
  overlap: boolean
  origin: string
  next_at: string | null
  last: CronRun | null
}
export type Webhook = { id: string; url: string; include: string[]; level: string; created_at: string }
export type WebhookDelivery = {
  id: string
  status: string
  num_attempts: number
  event: { id: string; include: string }
  last_attempt: { code: number | null; error_class: string | null } | null
  created_at: string
}
export type Pipeline = { id: string; name: string; owner: { id: string; type: string } | null }
export type Coupling = { id: string; stage: string; app: { id: string; name?: string }; pipeline: { id: string } }
export type Promotion = { id: string; status: string }
export type PromotionTarget = {
  id: string
  app: { id: string }
  status: string
  error_message: string | null
  release: { id: string } | null
}
export type Certificate = {
  id: string
  name: string
  display_name: string | null
  domains: string[]
  ssl_cert: { cert_domains: string[]; expires_at: string; issuer: string; subject: string; acm?: boolean; 'ca_signed?'?: boolean }
}
export type AddonService = { id: string; name: string; human_name: string; state: string }
export type Plan = { id: string; name: string; description: string; default: boolean; price: { cents: number; unit: string } }
export type Addon = {
  id: string
  name: string
  state: string
  app: { id: string; name: string }
  addon_service: { id: string; name: string }
  plan: { id: string; name: string }
  config_vars: string[]
  provision_message?: string
  web_url: string | null
  created_at: string
}
export type Attachment = { id: string; name: string; addon: { id: string; name: string }; app: { id: string; name: string } }
export type Transfer = { id: string; state: string }
export type PlatformEvent = {
  id: string
  created_at: string
  actor?: { email: string } | null
  action?: string
  resource?: string
  description?: string
}
