import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { RouteTable } from '../../server/api/wire.ts'
import { inspect, leftovers, type Running } from '../support/sweep.ts'
import type { World } from '../support/world.ts'

/** What the ledger says at one moment, read past the platform: straight from its database. */
export type Ledger = {
  apps: { id: string; name: string }[]
  /** "<app id> v7" → hash of the whole row with its sealed config, which nobody may ever change. */
  rows: Map<string, string>
  states: { app: string; version: number; status: string; stage: string; image: string | null }[]
  /** What should run: "<app id> web.1 v7". */
  wanted: string[]
  /** Builds, runs and releases that have not come to an end. */
  open: string[]
}

type Row = Record<string, unknown> & { app_id: string; version: number; image: string | null; process_types: string }

export function readLedger(home: string): Ledger {
  const db = new Database(join(home, 'dozen.db'), { readonly: true, timeout: 5000 })
  try {
    return db.transaction(() => ledgerOf(db))()
  } finally {
    db.close()
  }
}

function ledgerOf(db: Database.Database): Ledger {
  const all = <T>(sql: string) => db.prepare<[], T>(sql).all()
  const apps = all<{ id: string; name: string }>('SELECT id, name FROM apps ORDER BY id')
  const releases = all<Row>('SELECT * FROM releases JOIN release_configs USING (app_id, version) ORDER BY app_id, version')
  const states = all<{ app: string; version: number; status: string; stage: string; image: string | null }>(
    `SELECT app_id app, version, status, stage, image FROM release_states JOIN releases USING (app_id, version) ORDER BY app_id, version`,
  )
  const quantities = new Map(
    all<{ key: string; quantity: number }>(`SELECT app_id || '/' || type key, quantity FROM formation`).map((row) => [
      row.key,
      row.quantity,
    ]),
  )
  const current = (app: string) => states.findLast((state) => state.app === app && state.status === 'succeeded')
  const wanted = releases
    .filter((release) => release.image !== null && current(release.app_id)?.version === release.version)
    .flatMap((release) =>
      Object.keys(JSON.parse(release.process_types) as object)
        .filter((type) => type !== 'release')
        .flatMap((type) => {
          const count = quantities.get(`${release.app_id}/${type}`) ?? (type === 'web' ? 1 : 0)
          return Array.from({ length: count }, (_, n) => `${release.app_id} ${type}.${n + 1} v${release.version}`)
        }),
    )
  return {
    apps,
    rows: new Map(releases.map((row) => [`${row.app_id} v${row.version}`, hashOf(row)])),
    states,
    wanted: wanted.sort(),
    open: all<{ what: string }>(`
      SELECT 'release v' || version || ' is ' || status || ' in stage ' || stage what FROM release_states WHERE status = 'pending' OR stage <> 'done'
      UNION ALL SELECT 'build ' || number || ' is pending' FROM builds WHERE status = 'pending'
      UNION ALL SELECT 'run.' || number || ' is ' || state FROM runs WHERE state <> 'ended'`).map((row) => row.what),
  }
}

const hashOf = (row: Row) => createHash('sha256').update(JSON.stringify(row)).digest('hex')

/**
 * Everything that breaks I2, I3 or I4 of FAULTS.md right now, in sentences; empty once the platform has settled on exactly one complete
 * release per app. `before` is the ledger of an earlier moment, whose rows must all still be there, unchanged.
 */
export async function violations(world: World, before: Ledger, { temporary }: { temporary?: string } = {}): Promise<string[]> {
  const now = readLedger(world.home)
  const containers = await world.containers()
  return [
    ...now.open.map((what) => `I3: ${what}`),
    ...ledgerViolations(before, now),
    ...formationViolations(now, containers),
    ...(await routeViolations(world, now, containers)),
    ...(await orphans(world, now)),
    ...quarantines(world.home),
    ...(temporary ? names(temporary).map((name) => `I3: a temporary folder is left: ${name}`) : []),
  ]
}

/** I2: rows never change, settled states stay, numbers only rise. */
function ledgerViolations(before: Ledger, now: Ledger): string[] {
  const alive = new Set(now.apps.map((app) => app.id))
  const highest = new Map(before.states.map((state) => [state.app, state.version])) // ordered by version
  const changed = [...before.rows]
    .filter(([key]) => alive.has(key.split(' ')[0]!))
    .filter(([key, hash]) => now.rows.get(key) !== hash)
    .map(([key]) => `I2: the row of release ${key} changed`)
  const undone = before.states
    .filter((state) => alive.has(state.app) && state.status !== 'pending')
    .filter((state) => now.states.find((one) => one.app === state.app && one.version === state.version)?.status !== state.status)
    .map((state) => `I2: v${state.version} was ${state.status} and is no more`)
  const reused = [...now.rows.keys()]
    .filter((key) => !before.rows.has(key))
    .filter((key) => Number(key.split(' v')[1]) <= (highest.get(key.split(' ')[0]!) ?? 0))
    .map((key) => `I2: the number of ${key} was given twice`)
  return [...changed, ...undone, ...reused]
}

/** I3: the running containers are the formation of the current releases, each once, and nothing else is there. */
function formationViolations(now: Ledger, containers: Running[]): string[] {
  const nameOf = ({ labels, state }: Running) =>
    `${labels['dozen.app']} ${labels['dozen.type']}.${labels['dozen.ordinal']} v${labels['dozen.release']}${state === 'running' ? '' : ` (${state})`}`
  const dynos = containers.filter((one) => one.labels['dozen.role'] === 'dyno').map(nameOf).sort() // prettier-ignore
  const others = containers.filter((one) => one.labels['dozen.role'] !== 'dyno')
  const missing = now.wanted.filter((name) => !dynos.includes(name))
  const doubled = dynos.filter((name, index) => dynos.indexOf(name) !== index)
  const extra = dynos.filter((name) => !now.wanted.includes(name))
  return [
    ...missing.map((name) => `I3: ${name} should run and does not`),
    ...doubled.map((name) => `I3: ${name} runs twice`),
    ...extra.map((name) => `I3: ${name} is there and should not be`),
    ...others.map((one) => `I3: the container ${one.name} is left`),
  ]
}

/** I4: the router's table leads to the running web processes of the current releases, and nowhere else. */
async function routeViolations(world: World, now: Ledger, containers: Running[]): Promise<string[]> {
  const table = JSON.parse(readFileSync(join(world.home, 'router/table.json'), 'utf8')) as RouteTable
  const web = containers.filter(
    (one) => one.labels['dozen.role'] === 'dyno' && one.labels['dozen.type'] === 'web' && one.state === 'running',
  )
  const expected = new Map<string, string[]>(now.apps.map((app) => [app.id, []]))
  for (const { id, labels } of web) {
    const info = await inspect(id).catch(() => undefined)
    const ip = Object.values(info?.NetworkSettings.Networks ?? {})[0]?.IPAddress
    const port = /^PORT=(\d+)$/m.exec((info?.Config.Env ?? []).join('\n'))?.[1]
    expected.get(labels['dozen.app']!)?.push(`${ip}:${port}`)
  }
  const routed = new Map(table.apps.map((app) => [app.id, app.targets.map((target) => target.address)]))
  const text = (addresses: string[] | undefined) => (addresses ? addresses.toSorted().join(' ') || 'nowhere' : 'unknown')
  const ids = new Set([...expected.keys(), ...routed.keys()])
  return [...ids]
    .filter((id) => text(expected.get(id)) !== text(routed.get(id)))
    .map((id) => `I4: ${id} is routed to ${text(routed.get(id))}, should be ${text(expected.get(id))}`)
}

/** I3: nothing on the engine belongs to an app that is not there, and no network is there twice. */
async function orphans(world: World, now: Ledger): Promise<string[]> {
  const known = new Set(now.apps.map((app) => app.id))
  const destroyed = new Set(foldersOf(world.home).filter((id) => !known.has(id)))
  const left = [...destroyed].map((id) => `I3: a folder of the destroyed app ${id} is left`)
  const networks = (await leftovers(world.instance)).filter((one) => one.startsWith('network '))
  const doubled = networks.filter((name, index) => networks.indexOf(name) !== index)
  return [...left, ...doubled.map((name) => `I3: ${name} is there twice`)]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const foldersOf = (home: string) =>
  [...names(join(home, 'repos')), ...names(join(home, 'logs'))].map((name) => name.replace(/\.git$/, '')).filter((name) => UUID.test(name)) // prettier-ignore

const quarantines = (home: string) =>
  names(join(home, 'repos')).flatMap((repo) =>
    names(join(home, 'repos', repo, 'objects'))
      .filter((name) => /incoming|tmp_objdir/.test(name))
      .map((name) => `I3: a quarantine is left: ${repo}/objects/${name}`),
  )

function names(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** I9: where `secret` can be read in the clear: files below the home, and command lines of any process. */
export function exposures(home: string, secret: string): string[] {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const inFiles = files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => safely(path).includes(secret))
    .map((path) => `I9: the secret is in ${path}`)
  const inArguments = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && safely(`/proc/${name}/cmdline`).includes(secret))
    .map((pid) => `I9: the secret is on the command line of ${pid}`)
  return [...inFiles, ...inArguments]
}

function safely(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
