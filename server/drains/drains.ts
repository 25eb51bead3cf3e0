import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { LogLine, LogSink } from '../logs/line.ts'
import type { Vault } from '../secrets/vault.ts'
import { drainStore, type Drain } from './store.ts'
import { checkHost, outsideOnly } from '../outside.ts'
import { parseTarget } from './target.ts'
import { transport } from './transport.ts'

const MAX_DRAINS = 10
const LOOK_MS = 250
const MAX_LINES = 200
const MAX_BYTES = 256 * 1024
const FIRST_PAUSE_MS = 1_000
const LAST_PAUSE_MS = 60_000

type Deps = {
  db: Db
  vault: Vault
  clock: Clock
  ids: Ids
  /** Lines are read from where they are kept, never from memory: what waits for a slow receiver costs nothing, over restarts too. */
  stream: LogSink & { head(appId: string): number; forwards(appId: string, afterId: number): Iterable<LogLine> }
  /** Whether drains may lead to addresses inside the machine and its network. */
  isInsideAllowed: boolean
  /** More certificate authorities (PEM) for tests and companies; absent = the system's. */
  ca?: string
}

/**
 * Sends apps' log streams to other places: each line at least once and in order; after a lost connection or a restart the last batch may come
 * twice. What the store had to drop before it was sent is counted in an L10 line.
 */
export function drains({ db, vault, clock, ids, stream, isInsideAllowed, ca }: Deps) {
  const store = drainStore(db, vault)
  const running = new Map<string, AbortController>()
  let life: AbortSignal | undefined

  /** The next lines in order, at most so many; `lost` = what is no longer kept. */
  function take(lines: Iterator<LogLine>, position: number) {
    const batch: LogLine[] = []
    let [bytes, lost, last] = [0, 0, position]
    while (batch.length < MAX_LINES && bytes < MAX_BYTES) {
      const { value, done } = lines.next()
      if (done) break
      lost += value.id - last - 1
      last = value.id
      bytes += value.text.length
      batch.push(value)
    }
    return { batch, lost, last }
  }

  const tell = (appId: string, dyno: string, text: string) => stream.publish({ appId, source: 'dozen', dyno, text })

  /** Tries until it is through; rejects when `signal` aborts. */
  async function deliver(drain: Drain, way: ReturnType<typeof transport>, batch: readonly LogLine[], signal: AbortSignal) {
    const frameId = ids.uuid()
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      signal.throwIfAborted()
      const cause = await way.send(batch, frameId).then(() => undefined, (error: Error) => error) // prettier-ignore
      if (!cause) return
      if (pause === FIRST_PAUSE_MS) tell(drain.appId, 'drain', `Error L10 (Drain unreachable) -> ${shownUrl(drain.url)}: ${cause.message}. Lines wait and are sent later.`) // prettier-ignore
      await clock.sleep(pause, signal)
    }
  }

  /** Sends all that is there; returns the new position. */
  async function catchUp(drain: Drain, way: ReturnType<typeof transport>, from: number, signal: AbortSignal): Promise<number> {
    const lines = stream.forwards(drain.appId, from)[Symbol.iterator]()
    for (let position = from; ;) {
      const { batch, lost, last } = take(lines, position)
      if (batch.length === 0) return position
      if (lost > 0)
        tell(drain.appId, 'drain', `Error L10 (Drain buffer overflow) -> ${lost} messages dropped for ${shownUrl(drain.url)}.`)
      await deliver(drain, way, batch, signal)
      store.move(drain.id, (position = last))
    }
  }

  const wayOf = ({ url, token }: Drain) =>
    transport(parseTarget(url), { token, lookup: isInsideAllowed ? undefined : outsideOnly, ca })

  async function run(drain: Drain, signal: AbortSignal): Promise<void> {
    const way = wayOf(drain)
    try {
      for (let position = drain.position; ;) {
        signal.throwIfAborted()
        if (stream.head(drain.appId) > position) position = await catchUp(drain, way, position, signal)
        else await clock.sleep(LOOK_MS, signal)
      }
    } finally {
      way.close()
    }
  }

  function start(drain: Drain) {
    if (!life || life.aborted) return
    const stop = new AbortController()
    running.set(drain.id, stop)
    const signal = AbortSignal.any([life, stop.signal])
    const again = async (): Promise<void> => {
      while (!signal.aborted) {
        await run(drain, signal).catch(() => {})
        await clock.sleep(FIRST_PAUSE_MS, signal).catch(() => {})
        drain = store.byApp(drain.appId).find(({ id }) => id === drain.id) ?? drain
      }
    }
    void again().finally(() => running.get(drain.id) === stop && running.delete(drain.id))
  }

  function find(app: App, urlOrId: string): Drain {
    const found = store.byApp(app.id).find(({ id, url, token }) => [id, url, token].includes(urlOrId))
    if (!found) throw notFound('log drain')
    return found
  }

  return {
    list: (appId: string) => store.byApp(appId),
    find,
    /** Lines from now on. Throws invalid_params, conflict. */
    async add(app: App, user: { email: string }, url: string): Promise<Drain> {
      const { host } = parseTarget(url)
      if (!isInsideAllowed) await checkHost(host)
      const present = store.byApp(app.id)
      if (present.some((one) => one.url === url)) throw new AppError('conflict', 'The app has this drain already.')
      if (present.length >= MAX_DRAINS) throw invalid(`An app has at most ${MAX_DRAINS} drains.`)
      const id = ids.uuid()
      store.insert({ id, appId: app.id, url, token: `d.${ids.uuid()}`, position: stream.head(app.id) }, clock.now())
      stream.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Add drain ${shownUrl(url)} by user ${user.email}` })
      const drain = find(app, id)
      start(drain)
      return drain
    },
    /** Sends one line there now, past those that wait. Throws unavailable with what the other side said. */
    async test(app: App, user: { email: string }, urlOrId: string): Promise<{ drain: Drain; ms: number }> {
      const drain = find(app, urlOrId)
      const way = wayOf(drain)
      const started = clock.now().getTime()
      try {
        await way.send([testLine(app.id, user, clock.now())], ids.uuid())
        return { drain, ms: clock.now().getTime() - started }
      } catch (cause) {
        throw new AppError('unavailable', `${shownUrl(drain.url)} took no line: ${(cause as Error).message}.`, { cause })
      } finally {
        way.close()
      }
    },
    remove(app: App, user: { email: string }, urlOrId: string): Drain {
      const drain = find(app, urlOrId)
      running.get(drain.id)?.abort()
      store.remove(drain.id)
      stream.publish({
        appId: app.id,
        source: 'app',
        dyno: 'api',
        text: `Remove drain ${shownUrl(drain.url)} by user ${user.email}`,
      })
      return drain
    },
    /** The app is gone, and its drains with it. */
    stop: () => {
      const known = new Set(store.all().map(({ id }) => id))
      for (const [id, stop] of running) if (!known.has(id)) stop.abort()
    },
    /** Sends until `signal` aborts. */
    run(signal: AbortSignal): void {
      life = signal
      for (const drain of store.all()) start(drain)
    },
  }
}

function testLine(appId: string, { email }: { email: string }, now: Date): LogLine {
  const text = `Test of this drain by user ${email}`
  const time = now.toISOString().replace('Z', '000+00:00')
  return { appId, source: 'dozen', dyno: 'drain', text, id: 0, time, release: undefined, origin: undefined }
}

/** Without the password, and without a query: receivers have their keys there. */
const shownUrl = (url: string) => url.replace(/\/\/[^/@]*@/, '//').replace(/\?.*/s, '?…')
