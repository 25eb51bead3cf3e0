import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { RouteRules, RouteTable } from '../server/api/wire.ts'

const STATES = ['blank', 'stopped', 'starting', 'crashed', 'asleep', 'serving']
const RULES = ['firstByteMs', 'idleMs', 'bootWaitMs', 'bodyBytes', 'waiting', 'connections'] as const

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
  check(
    table.challenges === undefined || (table.challenges !== null && Object.values(table.challenges).every(isText)),
    'challenges',
  )
  for (const app of table.apps) {
    check(isText(app?.id) && !/\s/.test(app.id), 'apps[].id')
    check(isText(app.name), 'apps[].name')
    check(Array.isArray(app.hosts) && app.hosts.every(isText), 'apps[].hosts')
    check(STATES.includes(app.state), 'apps[].state')
    check(typeof app.maintenance === 'boolean', 'apps[].maintenance')
    if (app.rules !== undefined) checkRules(app.rules)
    const pages = app.pages ?? {}
    check(
      [pages.error, pages.maintenance].every((page) => page === undefined || isText(page)),
      'apps[].pages',
    )
    check(Array.isArray(app.targets), 'apps[].targets')
    for (const target of app.targets) {
      check(isText(target?.dyno), 'apps[].targets[].dyno')
      check(isText(target.address) && /^.+:\d{1,5}$/.test(target.address), 'apps[].targets[].address')
    }
  }
  return table
}

function checkRules(rules: RouteRules): void {
  for (const name of RULES) check(rules[name] === undefined || isCount(rules[name]), `apps[].rules.${name}`)
  check(rules.httpsRedirect === undefined || typeof rules.httpsRedirect === 'boolean', 'apps[].rules.httpsRedirect')
  check(rules.hsts === undefined || (isText(rules.hsts) && /^[\x20-\x7e]+$/.test(rules.hsts)), 'apps[].rules.hsts')
  check(rules.rate === undefined || (isCount(rules.rate.count) && isCount(rules.rate.perMs)), 'apps[].rules.rate')
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isText = (value: unknown): value is string => typeof value === 'string' && value.length > 0

function check(isRight: boolean, field: string): asserts isRight {
  if (!isRight) throw new Error(`The route table's field ${field} is missing or wrong.`)
}
