import type { Db } from '../../db/open.ts'
import type { PlatformEvent } from '../events/store.ts'
import type { Vault } from '../secrets/vault.ts'

export type Webhook = {
  readonly id: string
  readonly appId: string
  readonly url: string
  /** "api:release", "dyno". */
  readonly include: readonly string[]
  /** notify = sent once; sync = tried again until it is taken. */
  readonly level: 'notify' | 'sync'
  /** Signs the body. */
  readonly secret: string
  /** Sent as the Authorization header. */
  readonly authorization: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** One event on its way to one webhook. */
export type Delivery = {
  readonly id: string
  readonly webhookId: string
  readonly eventId: string
  readonly include: string
  readonly level: Webhook['level']
  readonly status: 'pending' | 'retrying' | 'succeeded' | 'failed'
  readonly attempts: number
  readonly nextAttemptAt: Date | null
  readonly last: Attempt | null
  readonly createdAt: Date
  readonly updatedAt: Date
}
export type Attempt = { readonly id: string; readonly code: number | null; readonly error: string | null; readonly at: Date }

type WebhookRow = {
  id: string
  app_id: string
  url: string
  include: string
  level: Webhook['level']
  sealed: Buffer
  created_at: string
  updated_at: string
}
type DeliveryRow = {
  id: string
  webhook_id: string
  event_id: string
  resource: string
  level: Webhook['level']
  status: Delivery['status']
  attempts: number
  next_attempt_at: string | null
  attempt_id: string | null
  attempt_code: number | null
  attempt_error: string | null
  attempted_at: string | null
  created_at: string
  updated_at: string
}

/** What webhooks call an event: processes by "dyno", everything else by "api:release". */
export const includeOf = ({ resource }: Pick<PlatformEvent, 'resource'>) => (resource === 'dyno' ? 'dyno' : `api:${resource}`)

const deliveryOf = (r: DeliveryRow): Delivery => ({
  id: r.id,
  webhookId: r.webhook_id,
  eventId: r.event_id,
  include: includeOf(r),
  level: r.level,
  status: r.status,
  attempts: r.attempts,
  nextAttemptAt: r.next_attempt_at === null ? null : new Date(r.next_attempt_at),
  last: r.attempt_id === null ? null : { id: r.attempt_id, code: r.attempt_code, error: r.attempt_error, at: new Date(r.attempted_at!) }, // prettier-ignore
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** Deliveries kept per webhook. */
const KEPT = 200

/** All SQL about webhooks and their deliveries. */
export function webhookStore(db: Db, vault: Vault) {
  const fromRow = (r: WebhookRow): Webhook => {
    const { secret, authorization } = JSON.parse(vault.open(r.sealed, `webhook/${r.id}`)) as Pick<Webhook, 'secret' | 'authorization'>
    return { id: r.id, appId: r.app_id, url: r.url, include: JSON.parse(r.include) as string[], level: r.level, secret, authorization, createdAt: new Date(r.created_at), updatedAt: new Date(r.updated_at) }
  } // prettier-ignore
  const byApp = db.prepare<[string], WebhookRow>('SELECT * FROM webhooks WHERE app_id = ? ORDER BY created_at, id')
  const byId = db.prepare<[string], WebhookRow>('SELECT * FROM webhooks WHERE id = ?')
  const wanting = db.prepare<[string, string], { id: string }>(`
    SELECT id FROM webhooks WHERE app_id = ? AND EXISTS (SELECT 1 FROM json_each(include) WHERE value = ?)`)
  const put = db.prepare(`
    INSERT INTO webhooks (id, app_id, url, include, level, sealed, created_at, updated_at)
    VALUES (@id, @app_id, @url, @include, @level, @sealed, @created_at, @updated_at)
    ON CONFLICT (id) DO UPDATE SET url = excluded.url, include = excluded.include, level = excluded.level, sealed = excluded.sealed,
                                   updated_at = excluded.updated_at`)
  const remove = db.prepare('DELETE FROM webhooks WHERE id = ?')
  const DELIVERIES =
    'SELECT d.*, e.resource, w.level FROM webhook_deliveries d JOIN events e ON e.id = d.event_id JOIN webhooks w ON w.id = d.webhook_id'
  const addDelivery = db.prepare(`
    INSERT INTO webhook_deliveries (id, webhook_id, event_id, status, next_attempt_at, created_at, updated_at)
    VALUES (@id, @webhook_id, @event_id, 'pending', @at, @at, @at)`)
  const pruneDeliveries = db.prepare(`
    DELETE FROM webhook_deliveries WHERE webhook_id = @webhook_id AND next_attempt_at IS NULL AND rowid <= (
      SELECT rowid FROM webhook_deliveries WHERE webhook_id = @webhook_id ORDER BY rowid DESC LIMIT 1 OFFSET @keep)`)
  const attempted = db.prepare(`
    UPDATE webhook_deliveries SET status = @status, attempts = attempts + 1, next_attempt_at = @next, attempt_id = @attempt_id,
      attempt_code = @code, attempt_error = @error, attempted_at = @at, updated_at = @at
    WHERE id = @id`)
  const due = db.prepare<[string], DeliveryRow>(`${DELIVERIES} WHERE d.next_attempt_at <= ? ORDER BY e.sequence LIMIT 100`)
  const next = db.prepare<[], string | null>('SELECT min(next_attempt_at) FROM webhook_deliveries').pluck()
  const ofApp = db.prepare<[string], DeliveryRow>(
    `${DELIVERIES} WHERE w.app_id = ? ORDER BY e.sequence DESC, d.rowid DESC LIMIT 1000`,
  )

  return {
    list: (appId: string) => byApp.all(appId).map(fromRow),
    find(id: string): Webhook | undefined {
      const row = byId.get(id)
      return row && fromRow(row)
    },
    /** Ids of the webhooks that an event of this app is for. */
    wanting: (appId: string, include: string) => wanting.all(appId, include).map(({ id }) => id),
    put({ secret, authorization, ...hook }: Webhook) {
      put.run({
        id: hook.id, app_id: hook.appId, url: hook.url, include: JSON.stringify(hook.include), level: hook.level,
        sealed: vault.seal(JSON.stringify({ secret, authorization }), `webhook/${hook.id}`),
        created_at: hook.createdAt.toISOString(), updated_at: hook.updatedAt.toISOString(),
      }) // prettier-ignore
    },
    remove: (id: string) => void remove.run(id),

    addDelivery(id: string, webhookId: string, eventId: string, at: Date) {
      addDelivery.run({ id, webhook_id: webhookId, event_id: eventId, at: at.toISOString() })
      pruneDeliveries.run({ webhook_id: webhookId, keep: KEPT })
    },
    /** Oldest first. */
    due: (now: Date) => due.all(now.toISOString()).map(deliveryOf),
    nextDue(): Date | undefined {
      const at = next.get()
      return at ? new Date(at) : undefined
    },
    attempted(id: string, status: Delivery['status'], next: Date | null, { id: attemptId, code, error, at }: Attempt) {
      attempted.run({ id, status, next: next?.toISOString() ?? null, attempt_id: attemptId, code, error, at: at.toISOString() })
    },
    /** Newest first. */
    deliveries: (appId: string) => ofApp.all(appId).map(deliveryOf),
  }
}
