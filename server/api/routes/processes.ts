import type { Dyno } from '../../formation/formation.ts'
import type { RunRequest } from '../../runs/run.ts'
import { invalid, notFound } from '../../errors.ts'
import { appOf, DELETE, GET, listed, ok, PATCH, POST, text, type Call, type Deps, type Route } from '../route.ts'
import * as show from '../serialize.ts'

export function processRoutes(deps: Deps): Route[] {
  const { formation, runs } = deps.useCases

  const dynoOf = async (call: Call): Promise<Dyno> => {
    const found = (await formation.dynos(appOf(deps, call))).find(
      (dyno) => dyno.name === call.params['dyno'] || show.uuidOf(dyno.id) === call.params['dyno'],
    )
    if (!found) throw notFound('dyno')
    return found
  }
  const targetOf = (dyno: Dyno) => ({ type: dyno.type, ordinal: Number(dyno.name.split('.').at(-1)) })

  const scale = (call: Call) => {
    const app = appOf(deps, call)
    const updates = call.params['type'] ? [{ ...call.body, type: call.params['type'] }] : call.body['updates']
    if (!Array.isArray(updates)) throw invalid('updates should be a list such as [{"type":"web","quantity":"2"}].')
    const entries = formation.scale(app, call.account, updates.map(parseUpdate))
    const touched = entries.filter((entry) => updates.some((update: { type: string }) => update.type === entry.type))
    const shown = touched.map((entry) => show.formation(entry, app))
    return ok(call.params['type'] ? shown[0] : shown)
  }

  const run = async (call: Call) => {
    const app = appOf(deps, call)
    const started = await runs.start(app, call.account, parseRun(call.body))
    const url = started.secret === null ? null : `rendezvous://${call.authority}/${started.secret}`
    const release = { id: started.id, version: started.version }
    const dyno: Dyno = { ...started, type: 'run', state: 'starting', release, reason: null }
    return ok(show.dyno(dyno, app, url), 201)
  }

  const restart = async (call: Call, target?: { type: string; ordinal?: number }) => {
    const app = appOf(deps, call)
    if (target?.type !== 'run') {
      const number = formation.restart(app, call.account, target)
      return { ...ok({}, 202), headers: { 'Dozen-Restart': String(number) } }
    }
    await formation.stop(app, call.account, target)
    return ok({}, 202)
  }

  return [
    GET('/apps/:app/formation', 'read', (call) => {
      const app = appOf(deps, call)
      return ok(formation.list(app).map((entry) => show.formation(entry, app)))
    }), // dozen ps:scale
    GET('/apps/:app/formation/:type', 'read', (call) => {
      const app = appOf(deps, call)
      const entry = formation
        .list(app)
        .find((one) => one.type === call.params['type'] || show.uuidOf(one.id) === call.params['type'])
      if (!entry) throw notFound('formation')
      return ok(show.formation(entry, app))
    }), // dozen ps:scale
    PATCH('/apps/:app/formation', 'write', scale), // dozen ps:scale web=2
    PATCH('/apps/:app/formation/:type', 'write', scale), // dozen ps:scale web=2
    GET('/apps/:app/dynos', 'read', async (call) => {
      const app = appOf(deps, call)
      return listed(await formation.dynos(app), { name: (d) => d.name, id: (d) => d.id }, (d) => show.dyno(d, app))
    }), // dozen ps
    POST('/apps/:app/dynos', 'write', run), // dozen run
    GET('/apps/:app/dynos/:dyno', 'read', async (call) => ok(show.dyno(await dynoOf(call), appOf(deps, call)))), // dozen ps
    PATCH('/apps/:app/dynos/:dyno', 'write', async (call) => {
      const { columns, rows, lines, input_bytes: bytes } = call.body as Record<string, unknown>
      const app = appOf(deps, call)
      const name = call.params['dyno']!
      if (bytes !== undefined) runs.endInput(app, name, countOf(bytes))
      else await runs.resize(app, name, { columns: sizeOf(columns), rows: sizeOf(rows ?? lines) })
      return ok({})
    }), // dozen run (the window's size, or the end of its input)
    DELETE('/apps/:app/dynos', 'write', (call) => restart(call)), // dozen ps:restart
    DELETE('/apps/:app/dynos/:dyno', 'write', async (call) => restart(call, targetOf(await dynoOf(call)))), // dozen ps:restart web.1
    DELETE('/apps/:app/formations/:type', 'write', (call) => restart(call, { type: call.params['type']! })), // dozen ps:restart web
    GET('/apps/:app/restarts/:number', 'read', (call) => {
      const app = appOf(deps, call)
      const number = Number(call.params['number'])
      if (!Number.isSafeInteger(number) || number < 1) throw notFound('restart')
      return ok(show.restart(formation.restartReport(app.id, number)))
    }), // dozen ps:restart
    POST('/apps/:app/dynos/:dyno/actions/stop', 'write', async (call) => {
      await formation.stop(appOf(deps, call), call.account, targetOf(await dynoOf(call)))
      return ok({}, 202)
    }), // dozen ps:stop web.1
    POST('/apps/:app/formations/:type/actions/stop', 'write', async (call) => {
      await formation.stop(appOf(deps, call), call.account, { type: call.params['type']! })
      return ok({}, 202)
    }), // dozen ps:stop web
  ]
}

function parseUpdate(update: unknown): { type: string; quantity?: string | number } {
  const { type, quantity, size, dyno_size } = (update ?? {}) as Record<string, unknown>
  checkSize(size)
  checkSize(dyno_size)
  if (typeof type !== 'string') throw invalid('Each update needs a type, e.g. {"type":"web","quantity":"2"}.')
  if (quantity === undefined) return { type }
  if (typeof quantity !== 'string' && typeof quantity !== 'number')
    throw invalid('quantity should be a number or a text such as "+1".')
  return { type, quantity }
}

function parseRun(body: Record<string, unknown>): RunRequest {
  const env = Object.entries((body['env'] ?? {}) as Record<string, unknown>).map(([key, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key) || !['string', 'number'].includes(typeof value) || String(value).includes('\0')) {
      throw invalid(`env has ${JSON.stringify(key)}: use names of letters, digits and _, and values that are text or numbers.`)
    }
    return [key, String(value)] as const
  })
  const values = Object.fromEntries(env)
  checkSize(body['size'])
  return {
    type: text(body, 'type') || undefined,
    command: text(body, 'command') ?? '',
    attach: body['attach'] === true,
    env: values,
    tty: body['force_no_tty'] !== true,
    exitStatus: body['exit_status'] === true,
    ...(values['COLUMNS'] && values['LINES'] && { columns: sizeOf(values['COLUMNS']), rows: sizeOf(values['LINES']) }),
  }
}

/** Another size would change nothing, and nobody should believe that it did. */
function checkSize(wanted: unknown): void {
  const size = wanted !== null && typeof wanted === 'object' && 'name' in wanted ? wanted.name : wanted // a reference, as Heroku shows it
  if (size === undefined || size === null || (typeof size === 'string' && size.toLowerCase() === show.SIZE.toLowerCase())) return
  throw invalid(
    `There is no dyno size ${JSON.stringify(size)}: all are ${show.SIZE}. \`dozen limits:set TYPE --memory 1g --cpus 2\` says what the processes of a type may use.`,
  )
}

function countOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw invalid('input_bytes should be a number of bytes.')
}

function sizeOf(value: unknown): number {
  const size = Number(value)
  if (!Number.isInteger(size) || size < 1 || size > 10_000) throw invalid('columns and rows should be numbers from 1 to 10,000.')
  return size
}
