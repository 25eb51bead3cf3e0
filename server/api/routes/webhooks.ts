import type { PlatformEvent } from '../../events/store.ts'
import { notFound } from '../../errors.ts'
import { payloadOf, type Delivery, type Webhook } from '../../webhooks/webhooks.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, type Call, type Deps, type Route } from '../route.ts'

const shown = ({ id, url, include, level, createdAt, updatedAt }: Webhook) => ({
  id,
  url,
  include,
  level,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

const shownDelivery = (one: Delivery) => ({
  id: one.id,
  event: { id: one.eventId, include: one.include },
  webhook: { id: one.webhookId, level: one.level },
  status: one.status,
  num_attempts: one.attempts,
  next_attempt_at: one.nextAttemptAt?.toISOString() ?? null,
  last_attempt: one.last && {
    id: one.last.id,
    code: one.last.code,
    error_class: one.last.error,
    status: one.last.code !== null && one.last.code >= 200 && one.last.code < 300 ? 'succeeded' : 'failed',
    created_at: one.last.at.toISOString(),
    updated_at: one.last.at.toISOString(),
  },
  created_at: one.createdAt.toISOString(),
  updated_at: one.updatedAt.toISOString(),
})

const shownEvent = (event: PlatformEvent, include: string) => ({
  id: event.id,
  include,
  payload: payloadOf(event),
  created_at: event.createdAt.toISOString(),
  updated_at: event.createdAt.toISOString(),
})

const keys = { created_at: (one: { createdAt: Date }) => one.createdAt.toISOString(), id: (one: { id: string }) => one.id }

export function webhookRoutes(deps: Deps): Route[] {
  const { webhooks, events } = deps
  const id = (call: Call) => call.params['webhook']!
  const deliveries = (call: Call) => webhooks.deliveries(appOf(deps, call).id).reverse()
  /** Events that were for a webhook of the app. */
  const told = (call: Call) => {
    const includes = new Map(deliveries(call).map((one) => [one.eventId, one.include]))
    return [...includes].flatMap(([eventId, include]) => {
      const event = events.find(eventId)
      return event ? [{ event, include, id: event.id, createdAt: event.createdAt }] : []
    })
  }
  const one = <T extends { id: string }>(all: readonly T[], wanted: string | undefined, what: string): T => {
    const found = all.find((each) => each.id === wanted)
    if (!found) throw notFound(what)
    return found
  }
  return [
    GET('/apps/:app/webhooks', 'read', (call) => listed(webhooks.list(appOf(deps, call).id), keys, shown)), // dozen webhooks
    POST('/apps/:app/webhooks', 'write', (call) => {
      const made = webhooks.add(appOf(deps, call), call.body)
      return { json: shown(made), status: 201, headers: { 'Heroku-Webhook-Secret': made.secret } }
    }), // dozen webhooks:add
    GET('/apps/:app/webhooks/:webhook', 'read', (call) => ok(shown(webhooks.find(appOf(deps, call), id(call))))), // dozen webhooks:info
    PATCH('/apps/:app/webhooks/:webhook', 'write', (call) => {
      const changed = webhooks.update(appOf(deps, call), id(call), call.body)
      return {
        json: shown(changed),
        headers: call.body['secret'] === undefined ? {} : { 'Heroku-Webhook-Secret': changed.secret },
      }
    }), // dozen webhooks:update
    DELETE('/apps/:app/webhooks/:webhook', 'write', (call) => ok(shown(webhooks.remove(appOf(deps, call), id(call))))), // dozen webhooks:remove
    GET('/apps/:app/webhook-deliveries', 'read', (call) => listed(deliveries(call), keys, shownDelivery)), // dozen webhooks:deliveries
    GET('/apps/:app/webhook-deliveries/:delivery', 'read', (call) =>
      ok(shownDelivery(one(deliveries(call), call.params['delivery'], 'webhook delivery'))),
    ), // heroku webhooks:deliveries:info
    GET('/apps/:app/webhook-events', 'read', (call) =>
      listed(told(call), keys, ({ event, include }) => shownEvent(event, include)),
    ), // heroku webhooks:events
    GET('/apps/:app/webhook-events/:event', 'read', (call) => {
      const { event, include } = one(told(call), call.params['event'], 'webhook event')
      return ok(shownEvent(event, include))
    }), // heroku webhooks:events:info
  ]
}
