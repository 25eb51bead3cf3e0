import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Vault } from '../secrets/vault.ts'
import { checkPair, covers, described, namesFor, readChain, type Certificate } from './certificate.ts'

export type Cert = Certificate & {
  id: string
  appId: string
  name: string
  chain: string
  /** The name that dozen ordered it for; null = a user brought it. */
  acmeHost: string | null
  createdAt: Date
  updatedAt: Date
}
type Row = {
  id: string
  app_id: string
  name: string
  chain: string
  sealed_key: Buffer
  created_at: string
  updated_at: string
  acme_host: string | null
}
type Pem = { certificate_chain?: unknown; private_key?: unknown }
type User = { email: string }

type Deps = {
  db: Db
  vault: Vault
  clock: Clock
  ids: Ids
  logs: LogSink
  /** Where the router reads `<host>.pem` (long ones by their SHA-256), anew whenever it changes. */
  folder: string
  apps: () => App[]
  /** Names of an app, each with the certificate that its user chose for it, if any. */
  domains: (app: App) => readonly { hostname: string; certId: string | null }[]
  /** Told after each change by a user. */
  wake: () => void
}

/** Certificates of the apps' host names. The database has them; the router's folder follows it. */
export function certs({ db, vault, clock, ids, logs, folder, apps, domains, wake }: Deps) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const all = db.prepare<[], Row>('SELECT * FROM certs ORDER BY updated_at, id')
  const byApp = db.prepare<[string], Row>('SELECT * FROM certs WHERE app_id = ? ORDER BY created_at, id')
  const insert = db.prepare(`
    INSERT INTO certs ( id,  app_id,  name,  chain, sealed_key, created_at, updated_at, acme_host)
    VALUES            (@id, @app_id, @name, @chain,       @key,        @at,        @at, @acme_host)`)
  const replace = db.prepare('UPDATE certs SET chain = ?, sealed_key = ?, updated_at = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM certs WHERE id = ?')
  const byAcmeHost = db.prepare<[string], Row>('SELECT * FROM certs WHERE acme_host = ?')
  const tell = (app: App, text: string) => logs.publish({ appId: app.id, source: 'app', dyno: 'api', text })

  /** What chains say, read once: there are many, and they are asked for often. */
  const read = new Map<string, { chain: string; says: Certificate }>()
  function saysOf({ id, chain }: Row): Certificate {
    const known = read.get(id)
    if (known?.chain === chain) return known.says
    const says = described(readChain(chain))
    read.set(id, { chain, says })
    return says
  }

  const fromRow = (r: Row): Cert => ({
    id: r.id, appId: r.app_id, name: r.name, chain: r.chain, acmeHost: r.acme_host, createdAt: new Date(r.created_at), updatedAt: new Date(r.updated_at),
    ...saysOf(r),
  }) // prettier-ignore
  const list = (appId: string) => byApp.all(appId).map(fromRow)
  function find(app: App, nameOrId: string): Cert {
    const found = list(app.id).find(({ id, name }) => id === nameOrId || name === nameOrId)
    if (!found) throw notFound('SSL certificate')
    return found
  }

  /** Throws invalid_params for one that dozen renews itself. */
  function findBrought(app: App, nameOrId: string): Cert {
    const cert = find(app, nameOrId)
    if (cert.acmeHost === null) return cert
    throw invalid(
      `${cert.name} is renewed by dozen itself. certs:auto:disable removes it; certs:add puts one of your own before it.`,
    )
  }

  /** Host → the certificate that is shown for it, of those of the app that cover it. */
  function used(app: App, certs = list(app.id)): Map<string, Cert> {
    const now = clock.now()
    const byName = new Map<string, Cert[]>()
    for (const cert of certs) for (const name of cert.hosts) byName.set(name, [...(byName.get(name) ?? []), cert])
    return new Map(domains(app).flatMap(({ hostname, certId }) => {
      const covering = namesFor(hostname).flatMap((name) => byName.get(name) ?? [])
      const [best] = covering.toSorted((a, b) => rank(b, certId, now) - rank(a, certId, now) || newer(b, a))
      return best ? [[hostname, best]] : []
    })) // prettier-ignore
  }

  /** File name → PEM. */
  function wanted(): Map<string, string> {
    const rows = new Map(all.all().map((row) => [row.id, row]))
    const files = new Map<string, string>()
    for (const app of apps()) {
      const certs = [...rows.values()].filter((row) => row.app_id === app.id).map(fromRow)
      if (certs.length === 0) continue
      for (const [host, { id, chain }] of used(app, certs))
        files.set(`${fileOf(host)}.pem`, `${vault.open(rows.get(id)!.sealed_key, `cert/${id}`).trim()}\n${chain.trim()}\n`)
    }
    return files
  }

  /** Brings the router's folder in line: each file whole or not at all. May be repeated at any time. */
  function sync(): void {
    const files = wanted()
    const known = new Set(all.all().map(({ id }) => id))
    for (const id of read.keys()) if (!known.has(id)) read.delete(id)
    for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name), { force: true })
    for (const [name, pem] of files) {
      const path = join(folder, name)
      if (textOf(path) === pem) continue
      writeFileSync(`${path}.new`, pem, { mode: 0o600 })
      renameSync(`${path}.new`, path)
    }
  }

  function changed(): void {
    sync()
    wake()
  }

  return {
    list,
    find,
    sync,
    used: (app: App) => used(app),
    /** As `find`, if it covers the host name. Throws invalid_params, not_found. */
    findFor(app: App, host: string, nameOrId: string): Cert {
      const cert = find(app, nameOrId)
      if (covers(cert.hosts, host)) return cert
      throw invalid(`${cert.name} is for ${cert.hosts.join(', ')}, not for ${host}.`)
    },
    /** Says of a name of the app whether its user brought one for it that is still good. */
    brought(app: App): (host: string) => boolean {
      const good = list(app.id).filter((cert) => cert.acmeHost === null && cert.expiresAt > clock.now())
      return (host) => good.some((cert) => covers(cert.hosts, host))
    },
    /** Those of an app that dozen ordered, by the name they were ordered for. */
    ordered: (app: App) => new Map(list(app.id).flatMap((cert) => (cert.acmeHost === null ? [] : [[cert.acmeHost, cert]]))),
    /** Those of all apps. */
    automatic: () => new Map(all.all().flatMap((row) => (row.acme_host === null ? [] : [[row.acme_host, fromRow(row)]]))),
    /** One that dozen ordered, in place of the last one for this name; `sync` follows. Throws invalid_params when it is another's. */
    put(appId: string, host: string, { chain, key }: { chain: string; key: string }): Cert {
      checkPair(chain, key, clock.now())
      if (!covers(described(readChain(chain)).hosts, host)) throw invalid(`The certificate does not name ${host}.`)
      const last = byAcmeHost.get(host)
      if (last) remove.run(last.id)
      const id = last?.app_id === appId ? last.id : ids.uuid()
      const at = clock.now().toISOString()
      insert.run({ id, app_id: appId, name: `auto-${host.slice(0, 40)}-${id.slice(0, 6)}`, chain, key: vault.seal(key, `cert/${id}`), at, acme_host: host }) // prettier-ignore
      return fromRow(byAcmeHost.get(host)!)
    },
    drop(host: string): void {
      const row = byAcmeHost.get(host)
      if (row) remove.run(row.id)
    },
    /** Throws invalid_params. */
    add(app: App, user: User, { certificate_chain: chain, private_key: key }: Pem): Cert {
      checkPair(chain, key, clock.now())
      const id = ids.uuid()
      const name = `${app.name}-${id.slice(0, 6)}`
      const sealed = vault.seal(String(key), `cert/${id}`)
      insert.run({ id, app_id: app.id, name, chain, key: sealed, at: clock.now().toISOString(), acme_host: null })
      tell(app, `Add certificate ${name} by user ${user.email}`)
      changed()
      return find(app, id)
    },
    update(app: App, user: User, name: string, { certificate_chain: chain, private_key: key }: Pem): Cert {
      const { id } = findBrought(app, name)
      checkPair(chain, key, clock.now())
      replace.run(chain, vault.seal(String(key), `cert/${id}`), clock.now().toISOString(), id)
      tell(app, `Update certificate ${name} by user ${user.email}`)
      changed()
      return find(app, id)
    },
    remove(app: App, user: User, name: string): Cert {
      const cert = findBrought(app, name)
      remove.run(cert.id)
      tell(app, `Remove certificate ${cert.name} by user ${user.email}`)
      changed()
      return cert
    },
  }
}

/** As router/tls.ts has it: a host name may be longer than a file's. */
const fileOf = (host: string) => (host.length > 200 ? createHash('sha256').update(host).digest('hex') : host)
/** One that its user chose before all others; then what is still good, and what a user brought. */
const rank = (cert: Cert, chosen: string | null, now: Date) =>
  (cert.expiresAt > now ? 4 : 0) + (cert.id === chosen ? 2 : 0) + (cert.acmeHost === null ? 1 : 0)
const newer = (a: Cert, b: Cert) => a.updatedAt.getTime() - b.updatedAt.getTime()

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
