import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { RouteTable } from '../server/api/wire.ts'

const STATES = ['blank', 'stopped', 'starting', 'crashed', 'serving']

/** `table.json`: the last table, so that the router serves before anyone calls. Written aside, synced, renamed. */
export function tableFile(folder: string) {
  const path = join(folder, 'table.json')
  return {
    /** Undefined when there is none yet or it is not a table: then every host is unknown until the controller calls. */
    async load(): Promise<RouteTable | undefined> {
      try {
        return parseTable(JSON.parse(await readFile(path, 'utf8')))
      } catch {
        return undefined
      }
    },
    async save(table: RouteTable): Promise<void> {
      const file = await open(`${path}.new`, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(table))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(`${path}.new`, path)
    },
  }
}

/** Checks every field that the router relies on. Throws Error that names the first wrong one. */
export function parseTable(json: unknown): RouteTable {
  const table = json as RouteTable
  check(Number.isSafeInteger(table?.version) && table.version >= 0, 'version')
  check(Array.isArray(table.apps), 'apps')
  for (const app of table.apps) {
    check(isText(app?.id) && !/\s/.test(app.id), 'apps[].id')
    check(isText(app.name), 'apps[].name')
    check(Array.isArray(app.hosts) && app.hosts.every(isText), 'apps[].hosts')
    check(STATES.includes(app.state), 'apps[].state')
    check(typeof app.maintenance === 'boolean', 'apps[].maintenance')
    check(Array.isArray(app.targets), 'apps[].targets')
    for (const target of app.targets) {
      check(isText(target?.dyno), 'apps[].targets[].dyno')
      check(isText(target.address) && /^.+:\d{1,5}$/.test(target.address), 'apps[].targets[].address')
    }
  }
  return table
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0

function check(isRight: boolean, field: string): asserts isRight {
  if (!isRight) throw new Error(`The route table's field ${field} is missing or wrong.`)
}
