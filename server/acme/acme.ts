import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Cert } from '../certs/certs.ts'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import type { Vault } from '../secrets/vault.ts'
import { Refused, type Authority } from './authority.ts'
import { ineligible, isOnByDefault, sentence } from './names.ts'
import { orders } from './orders.ts'
import { authorityBackoffMs, nameBackoffMs, renewAt } from './schedule.ts'
import { acmeStore, withoutOrder, type Name } from './store.ts'

const DAY_MS = 86_400_000
/** How long a jump of the clock can go unnoticed. */
const LOOK_MS = 15 * 60_000
/** After "too many requests" for one name, the others wait so long too. */
const RATE_PAUSE_MS = 60_000
/** An order that has got nowhere for so long is given up. */
const OLD_ORDER_MS = 60 * 60_000
/** Failures after which who waits is told so. */
const OFTEN = 5
/** `refresh` tries a name again at the earliest so long after the last time. */
const REFRESH_MS = 60_000

/**
 * How a name fares, in Heroku's words: `verified` is an order under way, `failed` one that has failed often; it is tried again all the same.
 * Null = none of this room's business (off, a certificate of the user's own, or `reason` why it gets none).
 */
export type AcmeStatus = {
  status: 'cert issued' | 'pending' | 'verified' | 'failing' | 'failed' | null
  reason: string | null
  nextAt: Date | null
}

type Deps = {
  db: Db
  vault: Vault
  clock: Clock
  logs: LogSink
  /** Undefined = no automatic certificates at all. */
  directory: string | undefined
  /** The authority is one for the whole internet. */
  isPublic: boolean
  /** `<app>.<domain>` */
  domain: string
  /** Loaded at the first order. */
  tools: () => Promise<{
    authority: Authority
    makeKey: () => string
    signingRequest: (host: string, key: string) => Promise<string>
  }>
  apps: () => App[]
  hosts: (app: App) => string[]
  certs: {
    automatic(): Map<string, Cert>
    /** Those of an app. */
    ordered(app: App): Map<string, Cert>
    /** Says of a name whether a user brought a certificate for it. */
    brought(app: App): (host: string) => boolean
    put(appId: string, host: string, pem: { chain: string; key: string }): Cert
    drop(host: string): void
    sync(): void
  }
  publish: (challenges: Record<string, string>) => Promise<boolean>
  onError: (what: string, cause: unknown) => void
}

/** Certificates that dozen orders and renews itself, for names of apps only (RFC 8555, http-01). */
export function acme({ db, vault, clock, logs, directory, isPublic, domain, tools, apps, hosts, certs, publish, onError }: Deps) {
  const store = acmeStore(db)
  let wake = () => {}
  const later = (ms: number) => new Date(clock.now().getTime() + ms)
  const tell = (appId: string, text: string) => logs.publish({ appId, source: 'dozen', dyno: 'certs', text })
  const isOn = (app: App) => directory !== undefined && (store.setting(app.id) ?? isOnByDefault(directory, domain))

  function wantedOf(app: App): (readonly [string, string])[] {
    const isBrought = certs.brought(app)
    const isWanted = (host: string) => ineligible(host, isPublic) === undefined && !isBrought(host)
    return hosts(app).filter(isWanted).map((host) => [host, app.id] as const)
  } // prettier-ignore

  /** Names come and go with the apps' domains, settings and own certificates. */
  function reconcile(): Name[] {
    const wanted = new Map(apps().filter(isOn).flatMap(wantedOf))
    const names = store.list()
    const gone = names.filter((name) => wanted.get(name.hostname) !== name.appId)
    for (const { hostname } of gone) store.remove(hostname)
    for (const [host, cert] of certs.automatic()) if (wanted.get(host) !== cert.appId) certs.drop(host)
    const known = new Set(names.map(({ hostname }) => hostname))
    const added = [...wanted].filter(([host]) => !known.has(host) || gone.some(({ hostname }) => hostname === host))
    for (const [host, appId] of added) store.add(host, appId)
    return gone.length + added.length > 0 ? store.list() : names
  }

  function dueAt(name: Name, cert: Cert | undefined): number {
    const now = clock.now().getTime()
    if (name.orderUrl || name.failures > 0) return sane(name.retryAt, now)
    return cert ? renewAt(name.hostname, cert).getTime() : now
  }

  const challenges = () =>
    publish(Object.fromEntries(store.list().flatMap(({ token, answer }) => (token && answer ? [[token, answer]] : []))))

  function install(name: Name, pem: { chain: string; key: string }): void {
    const cert = db.transaction(() => {
      const made = put(name, pem)
      // By this machine's clock it is due already: ordering again at once would go on for ever.
      const isDue = renewAt(name.hostname, made) <= clock.now()
      const reason = isDue ? `The new certificate is due for renewal already (it ends ${made.expiresAt.toISOString()}): is this machine's clock right?` : null // prettier-ignore
      const failures = isDue ? name.failures + 1 : 0
      store.update({ ...name, failures, reason, retryAt: isDue ? later(nameBackoffMs(name.hostname, failures)) : null })
      return made
    }).immediate() // prettier-ignore
    certs.sync()
    tell(
      name.appId,
      `Certificate for ${name.hostname} issued, good until ${day(cert.expiresAt)}, renewed from ${day(renewAt(name.hostname, cert))} on`,
    )
  }

  function put(name: Name, pem: { chain: string; key: string }): Cert {
    try {
      return certs.put(name.appId, name.hostname, pem)
    } catch (cause) {
      throw new Refused('name', `its certificate is not the one that was ordered (${(cause as Error).message})`)
    }
  }

  /** Who failed waits: the name, or, when the authority itself did, all of them. */
  function failed(name: Name, refused: Refused): void {
    const reason = sentence(directory!, refused)
    if (refused.fault === 'authority') {
      const failures = store.findDirectory(directory!).failures + 1
      const retryAt = later(Math.max(authorityBackoffMs(failures), refused.retryAfterMs))
      store.updateDirectory(directory!, { failures, reason, retryAt })
      // An order of long ago may be another authority's, or gone: it must not stand in the way of all others.
      const isOld = name.startedAt !== null && clock.now().getTime() - name.startedAt.getTime() > OLD_ORDER_MS
      store.update({ ...(isOld ? withoutOrder(name) : name), triedAt: clock.now() })
      return tell(name.appId, `Error: no certificate for ${name.hostname} yet. ${reason} Next try at ${time(retryAt)}`)
    }
    const failures = name.failures + 1
    const retryAt = later(Math.max(nameBackoffMs(name.hostname, failures), refused.retryAfterMs))
    store.update({ ...withoutOrder(name), failures, reason, retryAt, triedAt: clock.now() })
    if (refused.fault === 'rate') store.updateDirectory(directory!, { retryAt: later(RATE_PAUSE_MS) })
    tell(name.appId, `Error: no certificate for ${name.hostname}. ${reason} Next try at ${time(retryAt)}`)
  }

  const pausedMs = () => {
    const now = clock.now().getTime()
    return sane(store.findDirectory(directory!).retryAt, now) - now
  }

  async function step(name: Name): Promise<void> {
    if (!name.orderUrl) tell(name.appId, `Ordering a certificate for ${name.hostname} from ${new URL(directory!).host}`)
    try {
      const { authority, makeKey, signingRequest } = await tools()
      await orders({ store, vault, clock, authority, makeKey, signingRequest, install, publish: challenges }).step(name)
      store.updateDirectory(directory!, { failures: 0, reason: null, retryAt: null })
    } catch (cause) {
      const current = store.find(name.hostname)
      if (!current || current.appId !== name.appId) return
      if (!(cause instanceof Refused)) onError(`the certificate for ${name.hostname}`, cause)
      failed(current, cause instanceof Refused ? cause : new Refused('name', 'an error of dozen itself; its log has it'))
    }
  }

  /** One step of each name that is due; in how many milliseconds to look again at the latest. */
  async function pass(signal: AbortSignal): Promise<number> {
    if (directory === undefined) return LOOK_MS
    const automatic = certs.automatic()
    const now = clock.now().getTime()
    const names = reconcile().map((name) => ({ name, at: dueAt(name, automatic.get(name.hostname)) }))
    await challenges()
    for (const { name, at } of names) {
      if (at > now || signal.aborted || pausedMs() > 0) continue
      await step(name)
    }
    const fresh = certs.automatic()
    const next = store.list().reduce((least, name) => Math.min(least, dueAt(name, fresh.get(name.hostname))), Infinity)
    return Math.min(LOOK_MS, Math.max(100, pausedMs(), next - clock.now().getTime()))
  }

  /** Says of a name of the app how it fares. */
  function statuses(app: App): (host: string) => AcmeStatus {
    const none: AcmeStatus = { status: null, reason: null, nextAt: null }
    if (!isOn(app)) return () => none
    const isBrought = certs.brought(app)
    const own = certs.ordered(app)
    const paused = pausedMs() > 0 ? store.findDirectory(directory!) : undefined
    const now = clock.now().getTime()
    return (host) => {
      if (isBrought(host)) return none
      const never = ineligible(host, isPublic)
      if (never) return { ...none, reason: never }
      const name = store.find(host)
      const cert = own.get(host)
      if (name?.reason)
        return { status: name.failures < OFTEN ? 'failing' : 'failed', reason: name.reason, nextAt: name.retryAt }
      if (paused?.reason && name && dueAt(name, cert) <= now) return { status: 'failing', reason: paused.reason, nextAt: paused.retryAt }
      if (cert) return { status: 'cert issued', reason: null, nextAt: renewAt(host, cert) }
      return { status: name?.orderUrl ? 'verified' : 'pending', reason: null, nextAt: name?.retryAt ?? null }
    } // prettier-ignore
  }

  function turn(app: App, user: { email: string }, on: boolean): void {
    if (directory === undefined)
      throw new AppError('conflict', 'This platform orders no certificates: DOZEN_ACME_DIRECTORY is off.')
    store.set(app.id, on)
    const text = `${on ? 'Enable' : 'Disable'} automatic certificates by user ${user.email}`
    logs.publish({ appId: app.id, source: 'app', dyno: 'api', text })
    reconcile()
    certs.sync()
    wake()
  }

  return {
    isOn,
    statuses,
    /** All names of the app by themselves. Throws conflict when the platform has no authority. */
    enable: (app: App, user: { email: string }) => turn(app, user, true),
    /** Its automatic certificates go. */
    disable: (app: App, user: { email: string }) => turn(app, user, false),
    /** Names that failed are tried again now, each at most once a minute; an authority that asked for a pause gets it. */
    refresh(app: App): void {
      const now = clock.now().getTime()
      for (const name of store.list()) {
        const isFresh = name.triedAt !== null && now - name.triedAt.getTime() < REFRESH_MS
        if (name.appId === app.id && name.failures > 0 && !isFresh) store.update({ ...name, retryAt: clock.now() })
      }
      wake()
    },
    wake: () => wake(),
    pass,
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const sleeping = new AbortController()
        let isWoken = false
        wake = () => {
          isWoken = true
          sleeping.abort()
        }
        const ms = await pass(signal).catch((cause: unknown) => {
          onError('automatic certificates', cause)
          return LOOK_MS
        })
        if (!isWoken) await clock.sleep(ms, AbortSignal.any([signal, sleeping.signal])).catch(() => {})
      }
    },
  }
}

/** No wait of ours is longer than a day: one that seems so was written by a clock that has jumped back since. */
const sane = (at: Date | null, now: number) => (at === null || at.getTime() > now + DAY_MS ? now : at.getTime())
const day = (at: Date) => at.toISOString().slice(0, 10)
const time = (at: Date) => `${at.toISOString().slice(0, 19)}Z`
