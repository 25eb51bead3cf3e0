import type { Db } from '../../db/open.ts'
import type { Run } from './run.ts'

type Row = {
  id: string
  app_id: string
  number: number
  version: number
  command: string
  attached: number
  job_id: string | null
  state: Run['state']
  exit_code: number | null
  created_at: string
  updated_at: string
}
export type StoredRun = Omit<Run, 'secret'> & {
  readonly appId: string
  readonly attached: boolean
  readonly jobId: string | null
}
/** One of a scheduled job. */
export type PastRun = Pick<StoredRun, 'name' | 'version' | 'state' | 'exitCode' | 'createdAt' | 'updatedAt'>

const fromRow = (r: Row): StoredRun => ({
  id: r.id,
  appId: r.app_id,
  name: `run.${r.number}`,
  number: r.number,
  version: r.version,
  command: r.command,
  attached: r.attached === 1,
  jobId: r.job_id,
  state: r.state,
  exitCode: r.exit_code,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** All SQL about one-off dynos. */
export function runStore(db: Db) {
  const next = db.prepare<[string], number>('UPDATE apps SET last_run = last_run + 1 WHERE id = ? RETURNING last_run').pluck()
  const insert = db.prepare<object, Row>(`
    INSERT INTO runs ( id,  app_id,  number,  version,  command,  attached,  job_id,  state,      created_at,  updated_at)
    VALUES           (@id, @app_id, @number, @version, @command, @attached, @job_id, 'starting', @created_at, @created_at)
    RETURNING *`)
  const update = db.prepare('UPDATE runs SET state = @state, exit_code = @exit_code, updated_at = @at WHERE id = @id')
  const open = db.prepare<[], Row>(`SELECT * FROM runs WHERE state <> 'ended' ORDER BY created_at`)
  const prune = db.prepare(`
    DELETE FROM runs WHERE app_id = @app_id AND state = 'ended' AND number <= (SELECT last_run - 1000 FROM apps WHERE id = @app_id)`)
  const byJob = db.prepare<[string, string], Row>(
    'SELECT * FROM runs WHERE app_id = ? AND job_id = ? ORDER BY number DESC LIMIT 100',
  )
  return {
    /** Numbers it. Call inside a transaction. */
    insert(run: {
      id: string
      appId: string
      version: number
      command: string
      attached: boolean
      jobId: string | null
      at: Date
    }): StoredRun {
      const number = next.get(run.appId)!
      prune.run({ app_id: run.appId })
      return fromRow(
        insert.get({
          id: run.id, app_id: run.appId, number, version: run.version, command: run.command,
          attached: run.attached ? 1 : 0, job_id: run.jobId, created_at: run.at.toISOString(),
        })!,
      ) // prettier-ignore
    },
    update: (id: string, state: Run['state'], exitCode: number | null, at: Date) =>
      void update.run({ id, state, exit_code: exitCode, at: at.toISOString() }),
    open: () => open.all().map(fromRow),
    /** Newest first. */
    ofJob: (appId: string, jobId: string) => byJob.all(appId, jobId).map(fromRow),
  }
}
