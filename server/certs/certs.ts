import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Vault } from '../secrets/vault.ts'
import { checkPair, covers, described, readChain, type Certificate } from './certificate.ts'

export type Cert = Certificate & { id: string; appId: string; name: string; chain: string; createdAt: Date; updatedAt: Date }
type Row = { id: string; app_id: string; name: string; chain: string; sealed_key: Buffer; created_at: string; updated_at: string }
type Pem = { certificate_chain?: unknown; private_key?: unknown }
type User = { email: string }

type Deps = {
  db: Db
  vault: Vault
  clock: Clock
  ids: Ids
  logs: LogSink
  /** Where the router reads `<host>.pem`, anew whenever it changes. */
  folder: string
  apps: () => App[]
  hosts: (app: App) => string[]
}

/** Certificates of the apps' host names. The database has them; the router's folder follows it. */
export function certs({ db, vault, clock, ids, logs, folder, apps, hosts }: Deps) {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const all = db.prepare<[], Row>('SELECT * FROM certs ORDER BY updated_at, id')
  const byApp = db.prepare<[string], Row>('SELECT * FROM certs WHERE app_id = ? ORDER BY created_at, id')
  const insert = db.prepare(`
    INSERT INTO certs (id, app_id, name, chain, sealed_key, created_at, updated_at) VALUES (@id, @app_id, @name, @chain, @key, @at, @at)`)
  const replace = db.prepare('UPDATE certs SET chain = ?, sealed_key = ?, updated_at = ? WHERE id = ?')
  const drop = db.prepare('DELETE FROM certs WHERE id = ?')
  const tell = (app: App, text: string) => logs.publish({ appId: app.id, source: 'app', dyno: 'api', text })

  const fromRow = (r: Row): Cert => ({
    id: r.id, appId: r.app_id, name: r.name, chain: r.chain, createdAt: new Date(r.created_at), updatedAt: new Date(r.updated_at),
    ...described(readChain(r.chain)),
  }) // prettier-ignore
  const list = (appId: string) => byApp.all(appId).map(fromRow)
  function find(app: App, nameOrId: string): Cert {
    const found = list(app.id).find(({ id, name }) => id === nameOrId || name === nameOrId)
    if (!found) throw notFound('SSL certificate')
    return found
  }

  /** Host → PEM, for names of the app that the certificate covers; of two, the one that came last. */
  function wanted(): Map<string, string> {
    const known = new Map(apps().map((app) => [app.id, app]))
    const files = new Map<string, string>()
    for (const row of all.all()) {
      const app = known.get(row.app_id)
      const cert = fromRow(row)
      if (!app || cert.expiresAt <= clock.now()) continue
      const key = vault.open(row.sealed_key, `cert/${row.id}`)
      for (const host of hosts(app))
        if (covers(cert.hosts, host)) files.set(`${host}.pem`, `${key.trim()}\n${row.chain.trim()}\n`)
    }
    return files
  }

  /** Brings the router's folder in line: each file whole or not at all. May be repeated at any time. */
  function sync(): void {
    const files = wanted()
    for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name), { force: true })
    for (const [name, pem] of files) {
      const path = join(folder, name)
      if (read(path) === pem) continue
      writeFileSync(`${path}.new`, pem, { mode: 0o600 })
      renameSync(`${path}.new`, path)
    }
  }

  return {
    list,
    find,
    sync,
    /** Throws invalid_params. */
    add(app: App, user: User, { certificate_chain: chain, private_key: key }: Pem): Cert {
      checkPair(chain, key, clock.now())
      const id = ids.uuid()
      const name = `${app.name}-${id.slice(0, 6)}`
      insert.run({ id, app_id: app.id, name, chain, key: vault.seal(String(key), `cert/${id}`), at: clock.now().toISOString() })
      tell(app, `Add certificate ${name} by user ${user.email}`)
      sync()
      return find(app, id)
    },
    update(app: App, user: User, name: string, { certificate_chain: chain, private_key: key }: Pem): Cert {
      const { id } = find(app, name)
      checkPair(chain, key, clock.now())
      replace.run(chain, vault.seal(String(key), `cert/${id}`), clock.now().toISOString(), id)
      tell(app, `Update certificate ${name} by user ${user.email}`)
      sync()
      return find(app, id)
    },
    remove(app: App, user: User, name: string): Cert {
      const cert = find(app, name)
      drop.run(cert.id)
      tell(app, `Remove certificate ${cert.name} by user ${user.email}`)
      sync()
      return cert
    },
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
