import type { Db } from '../../db/open.ts'
import type { Account } from '../accounts/account.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'

export const STAGES = ['test', 'review', 'development', 'staging', 'production'] as const
export type Stage = (typeof STAGES)[number]
const NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/

/** Deploys of one codebase, in stages: what runs in one is promoted to the next without a build. */
export type Pipeline = {
  readonly id: string
  readonly name: string
  readonly ownerId: string
  readonly createdAt: Date
  readonly updatedAt: Date
}
export type Coupling = {
  readonly id: string
  readonly pipelineId: string
  readonly appId: string
  readonly stage: Stage
  readonly createdAt: Date
  readonly updatedAt: Date
}
type Row = { id: string; name: string; owner_id: string; created_at: string; updated_at: string }
type CouplingRow = { id: string; pipeline_id: string; app_id: string; stage: Stage; created_at: string; updated_at: string }

const times = (r: { created_at: string; updated_at: string }) => ({
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})
const fromRow = (r: Row): Pipeline => ({ id: r.id, name: r.name, ownerId: r.owner_id, ...times(r) })
const couplingFromRow = (r: CouplingRow): Coupling => ({
  id: r.id,
  pipelineId: r.pipeline_id,
  appId: r.app_id,
  stage: r.stage,
  ...times(r),
})

function checkStage(stage: unknown): Stage {
  const found = STAGES.find((one) => one === stage)
  if (!found) throw invalid(`stage should be one of: ${STAGES.join(', ')}.`)
  return found
}
function checkName(name: unknown): string {
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid('A pipeline name has 3 to 30 of a-z, 0-9 and -, starts with a letter and does not end with -.')
  return name
}

export function pipelines({ db, clock, ids }: { db: Db; clock: Clock; ids: Ids }) {
  const sql = {
    all: db.prepare<[], Row>('SELECT * FROM pipelines ORDER BY name'),
    one: db.prepare<[string, string], Row>('SELECT * FROM pipelines WHERE id = ? OR name = ?'),
    insert: db.prepare(
      `INSERT INTO pipelines (id, name, owner_id, created_at, updated_at) VALUES (@id, @name, @owner_id, @at, @at)`,
    ),
    give: db.prepare('UPDATE pipelines SET owner_id = ?, updated_at = ? WHERE id = ?'),
    rename: db.prepare('UPDATE pipelines SET name = ?, updated_at = ? WHERE id = ?'),
    remove: db.prepare('DELETE FROM pipelines WHERE id = ?'),
    couplings: db.prepare<[], CouplingRow>('SELECT * FROM pipeline_couplings ORDER BY created_at, id'),
    couple: db.prepare(`
      INSERT INTO pipeline_couplings ( id,  pipeline_id,  app_id,  stage,  created_at, updated_at)
      VALUES                         (@id, @pipeline_id, @app_id, @stage, @at,        @at)`),
    move: db.prepare('UPDATE pipeline_couplings SET stage = ?, updated_at = ? WHERE id = ?'),
    uncouple: db.prepare('DELETE FROM pipeline_couplings WHERE id = ?'),
  }
  const couplings = () => sql.couplings.all().map(couplingFromRow)
  const at = () => clock.now().toISOString()
  const isFree = (name: string, but?: string) => {
    const taken = sql.one.get(name, name)
    if (taken && taken.id !== but) throw invalid(`Name ${name} is already taken`)
  }

  /** Visible to its owner, to admins, and to who may see an app of it (`appIds`). */
  const isVisible = (pipeline: Pipeline, account: Account, appIds: ReadonlySet<string>) =>
    account.admin ||
    pipeline.ownerId === account.id ||
    couplings().some((c) => c.pipelineId === pipeline.id && appIds.has(c.appId))

  function find(account: Account, appIds: ReadonlySet<string>, idOrName: string): Pipeline {
    const row = sql.one.get(idOrName, idOrName)
    const found = row && fromRow(row)
    if (!found || !isVisible(found, account, appIds)) throw notFound('pipeline')
    return found
  }

  return {
    list: (account: Account, appIds: ReadonlySet<string>) =>
      sql.all
        .all()
        .map(fromRow)
        .filter((one) => isVisible(one, account, appIds)),
    find,
    couplings,
    /** undefined when the app is in none. */
    couplingOf: (appId: string): Coupling | undefined => couplings().find((one) => one.appId === appId),
    create(account: Account, wanted: unknown): Pipeline {
      const name = checkName(wanted)
      const id = ids.uuid()
      db.transaction(() => (isFree(name), sql.insert.run({ id, name, owner_id: account.id, at: at() }))).immediate()
      return fromRow(sql.one.get(id, id)!)
    },
    rename(pipeline: Pipeline, wanted: unknown): Pipeline {
      const name = checkName(wanted)
      db.transaction(() => (isFree(name, pipeline.id), sql.rename.run(name, at(), pipeline.id))).immediate()
      return fromRow(sql.one.get(pipeline.id, pipeline.id)!)
    },
    /** Its apps stay whose they are. */
    give(pipeline: Pipeline, to: { id: string }): Pipeline {
      sql.give.run(to.id, at(), pipeline.id)
      return fromRow(sql.one.get(pipeline.id, pipeline.id)!)
    },
    remove: (pipeline: Pipeline): void => void sql.remove.run(pipeline.id),
    couple(pipeline: Pipeline, app: App, stage: unknown): Coupling {
      const id = ids.uuid()
      db.transaction(() => {
        if (couplings().some((one) => one.appId === app.id))
          throw new AppError('invalid_params', `${app.name} is in a pipeline already: \`dozen pipelines:remove\` takes it out.`)
        sql.couple.run({ id, pipeline_id: pipeline.id, app_id: app.id, stage: checkStage(stage), at: at() })
      }).immediate()
      return couplings().find((one) => one.id === id)!
    },
    move(coupling: Coupling, stage: unknown): Coupling {
      sql.move.run(checkStage(stage), at(), coupling.id)
      return couplings().find((one) => one.id === coupling.id)!
    },
    uncouple: (coupling: Coupling): void => void sql.uncouple.run(coupling.id),
  }
}
export type Pipelines = ReturnType<typeof pipelines>
