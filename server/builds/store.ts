import type { Db } from '../../db/open.ts'
import type { Build } from './build.ts'

type Row = {
  id: string
  app_id: string
  number: number
  user_id: string
  user_email: string
  status: Build['status']
  source_commit: string
  stack_image: string | null
  reason: string | null
  created_at: string
  updated_at: string
}

const fromRow = (r: Row): Build => ({
  id: r.id,
  appId: r.app_id,
  number: r.number,
  user: { id: r.user_id, email: r.user_email },
  status: r.status,
  commit: r.source_commit,
  stackImage: r.stack_image,
  reason: r.reason,
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

/** All SQL about builds. */
export function buildStore(db: Db) {
  const insert = db.prepare<object, Row>(`
    INSERT INTO builds ( id,  app_id,  number,  user_id,  user_email,  status,    source_commit,  created_at,  updated_at)
    VALUES (@id, @app_id, (SELECT coalesce(max(number), 0) + 1 FROM builds WHERE app_id = @app_id), @user_id, @user_email, 'pending',
            @source_commit, @at, @at)
    RETURNING *`)
  const settle = db.prepare(`
    UPDATE builds SET status = @status, reason = @reason, stack_image = coalesce(@stack_image, stack_image), updated_at = @at
    WHERE id = @id AND status = 'pending'`)
  const failPending = db.prepare(`UPDATE builds SET status = 'failed', reason = ?, updated_at = ? WHERE status = 'pending'`)
  const byApp = db.prepare<[string], Row>('SELECT * FROM builds WHERE app_id = ? ORDER BY number')
  const byId = db.prepare<[string, string], Row>('SELECT * FROM builds WHERE app_id = ? AND id = ?')
  const addLine = db.prepare('INSERT INTO build_lines (build_id, number, text) VALUES (?, ?, ?)')
  const lines = db.prepare<[string], string>('SELECT text FROM build_lines WHERE build_id = ? ORDER BY number').pluck()
  return {
    insert: (b: { id: string; appId: string; user: Build['user']; commit: string; at: Date }) =>
      fromRow(
        insert.get({
          id: b.id,
          app_id: b.appId,
          user_id: b.user.id,
          user_email: b.user.email,
          source_commit: b.commit,
          at: b.at.toISOString(),
        })!,
      ),
    settle: (
      id: string,
      end: { status: Exclude<Build['status'], 'pending'>; reason: string | null; stackImage: string | null; at: Date },
    ) => void settle.run({ id, status: end.status, reason: end.reason, stack_image: end.stackImage, at: end.at.toISOString() }),
    failPending: (reason: string, at: Date) => void failPending.run(reason, at.toISOString()),
    list: (appId: string) => byApp.all(appId).map(fromRow),
    find(appId: string, id: string) {
      const row = byId.get(appId, id)
      return row && fromRow(row)
    },
    addLines: db.transaction((id: string, from: number, texts: readonly string[]) => {
      for (const [index, text] of texts.entries()) addLine.run(id, from + index, text)
    }),
    lines: (id: string) => lines.all(id),
  }
}
