import type { Readable } from 'node:stream'
import type { Account } from '../accounts/account.ts'
import type { Accounts, Caller, Scope } from '../accounts/accounts.ts'
import type { Collaborators, Permission } from '../accounts/collaborators.ts'
import type { Keys } from '../accounts/keys.ts'
import type { App } from '../apps/app.ts'
import type { Transfers } from '../apps/transfers.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid } from '../errors.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Pipelines } from '../pipelines/pipelines.ts'
import type { Events } from '../events/events.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Jobs } from './jobs.ts'
import type { Origin } from './serialize.ts'
import type { Slugs } from './slugs.ts'
import type { Streams } from './streams.ts'
import type { UseCases } from './use-cases.ts'
import type { Commits } from './wire.ts'

/** What a handler gets: the caller is known and may use the route; nothing of express is left. */
export type Call = {
  caller: Caller
  account: Account
  params: Record<string, string>
  query: Record<string, unknown>
  body: Record<string, unknown>
  range: string | undefined
  scope: Route['scope']
  origin: Origin
  /** "host:port" of the port that the client reached. */
  authority: string
}

/** What a route answers. `list` is paged by the Range header over `keys`. */
export type Reply =
  | { status?: number; json: unknown; headers?: Record<string, string> }
  | { list: readonly unknown[]; keys: Readonly<Record<string, (item: never) => string | number>>; show: (item: never) => unknown }

export type Route = {
  method: 'get' | 'post' | 'patch' | 'put' | 'delete'
  path: string
  /** What a token must be allowed to do. */
  scope: Extract<Scope, 'identity' | 'read' | 'write' | 'read-protected' | 'write-protected' | 'global'>
  handle: (call: Call) => Reply | Promise<Reply>
}

export type Deps = {
  useCases: UseCases
  accounts: Accounts
  clock: Clock
  collaborators: Collaborators
  keys: Keys
  pipelines: Pipelines
  metrics: Metrics
  transfers: Transfers
  events: Events
  webhooks: Webhooks
  rate: { remaining(accountId: string): number }
  /** Addresses that hold their own right to be read, for clients that send no token there (PLATFORM-API.md §7). */
  streams: Pick<Streams, 'urlOf'>
  jobs: Jobs
  slugs: Slugs
  sources: { create(accountId: string): { secret: string }; open(secret: string): Readable }
  /** What lies between two commits of an app. */
  history: { between(appId: string, from: string | null, to: string | null): Promise<Commits> }
  logSessions: { create(appId: string, options: Record<string, unknown>): { id: string; secret: string } }
}

const route =
  (method: Route['method']) =>
  (path: string, scope: Route['scope'], handle: Route['handle']): Route => ({ method, path, scope, handle })

export const GET = route('get')
export const POST = route('post')
export const PATCH = route('patch')
export const PUT = route('put')
export const DELETE = route('delete')

export const ok = (json: unknown, status = 200): Reply => ({ json, status })

/** A list paged over `keys`, the first of which is the default order. */
export const listed = <T>(
  list: readonly T[],
  keys: Readonly<Record<string, (item: T) => string | number>>,
  show: (item: T) => unknown,
): Reply => ({ list, keys, show })

/** The app of `:app`, by name or id. Throws not_found when the caller may not see it, forbidden when it may not do this. */
export function appOf(deps: Pick<Deps, 'useCases' | 'collaborators'>, call: Call, needed?: Permission): App {
  return appNamed(deps, call, call.params['app']!, needed)
}

export function appNamed(
  { useCases, collaborators }: Pick<Deps, 'useCases' | 'collaborators'>,
  { account, scope }: Call,
  nameOrId: string,
  needed: Permission = scope.startsWith('write') ? 'operate' : 'view',
): App {
  const app = useCases.apps.find(account, nameOrId)
  collaborators.check(account, app, needed)
  return app
}

/** Throws forbidden. */
export function checkAdmin({ account }: Call): void {
  if (!account.admin) throw new AppError('forbidden', 'Only an admin may do that.')
}

/** A string field of the body, or undefined. Throws invalid_params for another type. */
export function text(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalid(`${name} should be a string.`)
  return value
}
