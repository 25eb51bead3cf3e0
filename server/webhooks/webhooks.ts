import { createHmac } from 'node:crypto'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { invalid, notFound } from '../errors.ts'
import type { PlatformEvent } from '../events/store.ts'
import type { Ids } from '../ids.ts'
import { checkLiteral, outsideOnly } from '../outside.ts'
import type { Vault } from '../secrets/vault.ts'
import { post } from './send.ts'
import { includeOf, webhookStore, type Attempt, type Delivery, type Webhook } from './store.ts'

export type { Delivery, Webhook } from './store.ts'

const INCLUDES = ['api:addon', 'api:addon-attachment', 'api:app', 'api:build', 'api:collaborator', 'api:domain', 'api:dyno', 'api:formation', 'api:release', 'api:sni-endpoint', 'dyno'] // prettier-ignore
const MAX_HOOKS = 20
/** A sync delivery is given up after this; with the pauses between, that is about half a day. */
const MAX_ATTEMPTS = 12
const FIRST_PAUSE_MS = 10_000
const LAST_PAUSE_MS = 2 * 3_600_000
const LOOK_MS = 60_000
/** Webhooks that are sent to side by side. */
const AT_ONCE = 10
/** Deliveries to one webhook before the others are looked at again. */
const IN_A_ROW = 5

type Input = { url?: unknown; include?: unknown; level?: unknown; secret?: unknown; authorization?: unknown }
type Deps = {
  db: Db
  vault: Vault
  clock: Clock
  ids: Ids
  findEvent: (id: string) => PlatformEvent | undefined
  /** Whether webhooks may lead to addresses inside the machine and its network. */
  isInsideAllowed: boolean
  onError: (what: string, cause: unknown) => void
}

/** Tells other programs what happens to an app: signed, and for level sync tried again, over restarts too. */
export function webhooks({ db, vault, clock, ids, findEvent, isInsideAllowed, onError }: Deps) {
  const store = webhookStore(db, vault)
  let wakeUp = () => {}

  function find(app: App, id: string): Webhook {
    const found = store.find(id)
    if (found?.appId !== app.id) throw notFound('webhook')
    return found
  }

  /** Throws invalid_params. Absent fields stay. */
  function parse({ url, include, level, secret, authorization }: Input) {
    const isText = (value: unknown, most: number) => typeof value === 'string' && value.length <= most && !/[\r\n\0]/.test(value)
    if (url !== undefined) checkUrl(url)
    const known = Array.isArray(include) && include.length > 0 && include.every((one) => INCLUDES.includes(one as string))
    if (include !== undefined && !known) throw invalid(`include should be a list of some of: ${INCLUDES.join(', ')}.`)
    if (level !== undefined && level !== 'notify' && level !== 'sync') throw invalid('level should be notify (sent once) or sync (tried again).')
    if (secret !== undefined && secret !== null && !isText(secret, 200)) throw invalid('secret should be text of at most 200 characters.')
    if (authorization !== undefined && authorization !== null && !isText(authorization, 2000))
      throw invalid('authorization should be text of at most 2000 characters in one line.')
    return {
      ...(url !== undefined && { url: url as string }),
      ...(include !== undefined && { include: [...new Set(include as string[])] }),
      ...(level !== undefined && { level: level as Webhook['level'] }),
      ...(typeof secret === 'string' && { secret }),
      ...(authorization !== undefined && { authorization: authorization as string | null }),
    }
  } // prettier-ignore

  function checkUrl(url: unknown) {
    if (typeof url !== 'string' || url.length > 2000 || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw invalid('url should be an http:// or https:// address.')
    if (!isInsideAllowed) checkLiteral(new URL(url).hostname.replace(/^\[|\]$/g, ''))
  }

  async function attempt(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const hook = store.find(delivery.webhookId)
    const event = findEvent(delivery.eventId)
    if (!hook || !event) return
    const made = { id: ids.uuid(), at: clock.now() }
    const body = JSON.stringify(bodyOf(hook, event, delivery, made))
    const headers = {
      'Heroku-Webhook-Hmac-SHA256': createHmac('sha256', hook.secret).update(body).digest('base64'),
      ...(hook.authorization !== null && { Authorization: hook.authorization }),
    }
    const sent = post(hook.url, { body, headers, lookup: isInsideAllowed ? undefined : outsideOnly, signal })
    const result: Attempt = await sent.then(
      (code) => ({ ...made, code, error: null }),
      (cause: Error) => ({ ...made, code: null, error: cause.message.slice(0, 300) }),
    )
    if (signal.aborted) return // counts as not tried: the next start tries it
    const isTaken = result.code !== null && result.code >= 200 && result.code < 300
    const isOver = isTaken || delivery.level === 'notify' || delivery.attempts + 1 >= MAX_ATTEMPTS
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** delivery.attempts, LAST_PAUSE_MS)
    const next = isOver ? null : new Date(clock.now().getTime() + pause)
    store.attempted(delivery.id, isTaken ? 'succeeded' : isOver ? 'failed' : 'retrying', next, result)
  }

  /** One after the other per webhook, so that a slow one holds up only itself. */
  async function round(signal: AbortSignal) {
    const byHook = new Map<string, Delivery[]>()
    for (const one of store.due(clock.now())) byHook.set(one.webhookId, [...(byHook.get(one.webhookId) ?? []), one])
    const queues = [...byHook.values()]
    const worker = async () => {
      for (let queue = queues.shift(); queue; queue = queues.shift())
        for (const delivery of queue.slice(0, IN_A_ROW)) await attempt(delivery, signal)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
  }

  return {
    list: (appId: string): Webhook[] => store.list(appId),
    find,
    /** Throws invalid_params. */
    add(app: App, input: Input): Webhook {
      const { url, include, level = 'notify', secret = ids.secret(), authorization = null } = parse(input)
      if (url === undefined || include === undefined) throw invalid('A webhook needs a url and what to include, such as ["api:release"].')
      if (store.list(app.id).length >= MAX_HOOKS) throw invalid(`An app has at most ${MAX_HOOKS} webhooks. Remove one first.`)
      const now = clock.now()
      const hook = { id: ids.uuid(), appId: app.id, url, include, level, secret, authorization, createdAt: now, updatedAt: now }
      store.put(hook)
      return hook
    }, // prettier-ignore
    update(app: App, id: string, input: Input): Webhook {
      const hook = { ...find(app, id), ...parse(input), updatedAt: clock.now() }
      store.put(hook)
      return hook
    },
    remove(app: App, id: string): Webhook {
      const hook = find(app, id)
      store.remove(id)
      return hook
    },
    /** Newest first. */
    deliveries: store.deliveries,
    /** Whether anybody wants to be told of such events. */
    isWanted: (appId: string, resource: string) => store.wanting(appId, includeOf({ resource })).length > 0,

    /** Inside the transaction that keeps the event. */
    enqueue(event: PlatformEvent): void {
      if (event.appId === null) return
      const wanting = store.wanting(event.appId, includeOf(event))
      for (const id of wanting) store.addDelivery(ids.uuid(), id, event.id, event.createdAt)
      if (wanting.length > 0) setImmediate(() => wakeUp())
    },

    /** Sends until `signal` aborts. */
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const woken = new AbortController()
        wakeUp = () => woken.abort()
        await round(signal).catch((cause: unknown) => onError('sending webhooks', cause))
        const next = store.nextDue()
        const wait = next ? Math.max(0, Math.min(LOOK_MS, next.getTime() - clock.now().getTime())) : LOOK_MS
        await clock.sleep(wait, AbortSignal.any([signal, woken.signal])).catch(() => {})
      }
    },
  }
}
export type Webhooks = ReturnType<typeof webhooks>

/** As Heroku sends it. */
export const payloadOf = (event: PlatformEvent) => ({
  id: event.id,
  action: event.action,
  actor: event.actor ?? { id: 'dozen', email: 'dozen' },
  created_at: event.createdAt.toISOString(),
  updated_at: event.createdAt.toISOString(),
  published_at: event.createdAt.toISOString(),
  data: event.data,
  previous_data: {},
  resource: event.resource,
  sequence: null,
  version: 'application/vnd.heroku+json; version=3',
})

const bodyOf = (hook: Webhook, event: PlatformEvent, delivery: Delivery, attempt: { id: string }) => ({
  ...payloadOf(event),
  webhook_metadata: {
    attempt: { id: attempt.id },
    delivery: { id: delivery.id },
    event: { id: event.id, include: delivery.include },
    webhook: { id: hook.id },
  },
})
