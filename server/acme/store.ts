import type { Db } from '../../db/open.ts'

/** A name that has, or is to have, a certificate, and how far its order has come. */
export type Name = {
  readonly hostname: string
  readonly appId: string
  readonly sealedKey: Buffer | null
  readonly orderUrl: string | null
  readonly startedAt: Date | null
  readonly token: string | null
  readonly answer: string | null
  readonly askedAt: Date | null
  readonly failures: number
  readonly reason: string | null
  readonly retryAt: Date | null
  readonly triedAt: Date | null
}
/** The authority as it last behaved. */
export type Directory = { accountUrl: string | null; failures: number; reason: string | null; retryAt: Date | null }

type Row = {
  hostname: string
  app_id: string
  sealed_key: Buffer | null
  order_url: string | null
  started_at: string | null
  token: string | null
  answer: string | null
  asked_at: string | null
  failures: number
  reason: string | null
  retry_at: string | null
  tried_at: string | null
}
type DirectoryRow = { account_url: string | null; failures: number; reason: string | null; retry_at: string | null }

const date = (text: string | null) => (text === null ? null : new Date(text))
const fromRow = (r: Row): Name => ({
  hostname: r.hostname, appId: r.app_id, sealedKey: r.sealed_key, orderUrl: r.order_url, startedAt: date(r.started_at), token: r.token,
  answer: r.answer, askedAt: date(r.asked_at), failures: r.failures, reason: r.reason, retryAt: date(r.retry_at), triedAt: date(r.tried_at),
}) // prettier-ignore

const toRow = (n: Name): Row => ({
  hostname: n.hostname, app_id: n.appId, sealed_key: n.sealedKey, order_url: n.orderUrl, started_at: n.startedAt?.toISOString() ?? null,
  token: n.token, answer: n.answer, asked_at: n.askedAt?.toISOString() ?? null, failures: n.failures, reason: n.reason,
  retry_at: n.retryAt?.toISOString() ?? null, tried_at: n.triedAt?.toISOString() ?? null,
}) // prettier-ignore

const FRESH = { sealedKey: null, orderUrl: null, startedAt: null, token: null, answer: null, askedAt: null } as const
/** A name without an order. */
export const withoutOrder = (name: Name): Name => ({ ...name, ...FRESH })

/** All SQL about automatic certificates, but for the certificates themselves. */
export function acmeStore(db: Db) {
  const all = db.prepare<[], Row>('SELECT * FROM acme_names ORDER BY COALESCE(tried_at, 0), hostname')
  const one = db.prepare<[string], Row>('SELECT * FROM acme_names WHERE hostname = ?')
  const add = db.prepare('INSERT INTO acme_names (hostname, app_id) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const drop = db.prepare('DELETE FROM acme_names WHERE hostname = ?')
  const update = db.prepare(`
    UPDATE acme_names SET
      sealed_key = @sealed_key, order_url = @order_url, started_at = @started_at, token = @token, answer = @answer, asked_at = @asked_at,
      failures = @failures, reason = @reason, retry_at = @retry_at, tried_at = @tried_at
    WHERE hostname = @hostname AND app_id = @app_id`)
  const app = db.prepare<[string], number>('SELECT is_on FROM acme_apps WHERE app_id = ?').pluck()
  const setApp = db.prepare(`
    INSERT INTO acme_apps (app_id, is_on) VALUES (?, ?) ON CONFLICT (app_id) DO UPDATE SET is_on = excluded.is_on`)
  const directory = db.prepare<[string], DirectoryRow>('SELECT * FROM acme_directories WHERE directory = ?')
  const setDirectory = db.prepare(`
    INSERT INTO acme_directories (directory, account_url, failures, reason, retry_at)
    VALUES (@directory, @account_url, @failures, @reason, @retry_at)
    ON CONFLICT (directory) DO UPDATE SET
      account_url = excluded.account_url, failures = excluded.failures, reason = excluded.reason, retry_at = excluded.retry_at`)

  function findDirectory(url: string): Directory {
    const row = directory.get(url)
    return { accountUrl: row?.account_url ?? null, failures: row?.failures ?? 0, reason: row?.reason ?? null, retryAt: date(row?.retry_at ?? null) }
  } // prettier-ignore

  return {
    /** Those that have waited longest first. */
    list: () => all.all().map(fromRow),
    find(hostname: string): Name | undefined {
      const row = one.get(hostname)
      return row && fromRow(row)
    },
    add: (hostname: string, appId: string) => void add.run(hostname, appId),
    remove: (hostname: string) => void drop.run(hostname),
    /** False when the name is gone, or another app's by now. */
    update: (name: Name) => update.run(toRow(name)).changes > 0,
    /** The app's own setting; undefined = as the platform has it. */
    setting(appId: string): boolean | undefined {
      const value = app.get(appId)
      return value === undefined ? undefined : value === 1
    },
    set: (appId: string, isOn: boolean) => void setApp.run(appId, Number(isOn)),
    findDirectory,
    updateDirectory(url: string, changes: Partial<Directory>): void {
      const next = { ...findDirectory(url), ...changes }
      setDirectory.run({
        directory: url, account_url: next.accountUrl, failures: next.failures, reason: next.reason,
        retry_at: next.retryAt?.toISOString() ?? null,
      }) // prettier-ignore
    },
  }
}
export type AcmeStore = ReturnType<typeof acmeStore>
