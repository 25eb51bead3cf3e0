import type { Db } from '../../db/open.ts'
import type { ScheduledCommand } from '../manifest/schedule.ts'

type Row = { id: string; schedule: string; command: string; overlap: number }
export type StoredJob = ScheduledCommand & { readonly id: string }

/** All SQL about scheduled jobs. */
export function cronStore(db: Db) {
  const byApp = db.prepare<[string], Row>(
    'SELECT id, schedule, command, overlap FROM cron_jobs WHERE app_id = ? ORDER BY created_at, id',
  )
  const insert = db.prepare('INSERT INTO cron_jobs VALUES (@app_id, @id, @schedule, @command, @overlap, @created_at)')
  const remove = db.prepare('DELETE FROM cron_jobs WHERE app_id = ? AND id = ?')
  const marks = db.prepare<[string], { job_id: string; seen: string }>('SELECT job_id, seen FROM cron_marks WHERE app_id = ?')
  const mark = db.prepare(`
    INSERT INTO cron_marks (app_id, job_id, seen) VALUES (?, ?, ?) ON CONFLICT (app_id, job_id) DO UPDATE SET seen = excluded.seen`)
  const unmark = db.prepare('DELETE FROM cron_marks WHERE app_id = ? AND job_id = ?')

  return {
    list: (appId: string): StoredJob[] => byApp.all(appId).map((row) => ({ ...row, overlap: row.overlap === 1 })),
    insert(appId: string, job: StoredJob, at: Date) {
      insert.run({ ...job, app_id: appId, overlap: job.overlap ? 1 : 0, created_at: at.toISOString() })
    },
    /** False when there is none. */
    remove: (appId: string, id: string): boolean => remove.run(appId, id).changes > 0,
    /** Job → until when its due times have been seen to. */
    marks: (appId: string) => new Map(marks.all(appId).map((row) => [row.job_id, new Date(row.seen)])),
    mark: (appId: string, jobId: string, seen: Date) => void mark.run(appId, jobId, seen.toISOString()),
    unmark: (appId: string, jobId: string) => void unmark.run(appId, jobId),
  }
}
