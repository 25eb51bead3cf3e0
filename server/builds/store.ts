import type { Db } from '../../db/open.ts'
import type { Build } from './build.ts'
import type { Built, Facts, Reusable } from './built.ts'

type Row = {
  id: string
  app_id: string
  number: number
  user_id: string
  user_email: string
  status: Build['status']
  source_commit: string
  stack_image: string | null
  run_image: string | null
  reason: string | null
  image: string | null
  images: string
  image_kind: Reusable['imageKind'] | null
  port: number | null
  process_types: string | null
  buildpacks: string | null
  size_bytes: number | null
  durations: string | null
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
  runImage: r.run_image,
  reason: r.reason,
  buildpacks: r.buildpacks === null ? null : (JSON.parse(r.buildpacks) as string[]),
  sizeBytes: r.size_bytes,
  durations: r.durations === null ? null : (JSON.parse(r.durations) as Record<string, number>),
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
    UPDATE builds SET status = @status, reason = @reason, stack_image = @stack_image, run_image = @run_image, durations = @durations, updated_at = @at
    WHERE id = @id AND status = 'pending'`)
  const succeed = db.prepare(`
    UPDATE builds SET status = 'succeeded', stack_image = @stack_image, run_image = @run_image, image = @image, images = @images, image_kind = @image_kind, port = @port,
                      process_types = @process_types, buildpacks = @buildpacks, inputs = @inputs, size_bytes = @size_bytes,
                      durations = @durations, updated_at = @at
    WHERE id = @id AND status = 'pending'`)
  const byInputs = db.prepare<[string, string], Row>(`
    SELECT * FROM builds WHERE app_id = ? AND inputs = ? AND status = 'succeeded' ORDER BY number DESC LIMIT 1`)
  const lastStack = db.prepare<[string], { stack_image: string }>(`
    SELECT stack_image FROM builds
    WHERE app_id = ? AND stack_image IS NOT NULL AND coalesce(image_kind, 'buildpack') = 'buildpack'
    ORDER BY number DESC LIMIT 1`)
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
    succeed: (id: string, built: Built, at: Date) =>
      void succeed.run({
        id,
        stack_image: built.stackImage,
        run_image: built.runImage,
        image: built.image,
        images: JSON.stringify(built.images ?? {}),
        image_kind: built.imageKind,
        port: built.port,
        process_types: JSON.stringify(built.processTypes),
        buildpacks: JSON.stringify(built.buildpacks),
        inputs: built.inputs,
        size_bytes: built.sizeBytes,
        durations: JSON.stringify(built.durations),
        at: at.toISOString(),
      }),
    /** False when it was over already. */
    settle: (id: string, end: { status: 'failed' | 'canceled'; reason: string; at: Date; facts: Facts | undefined }) =>
      settle.run({
        id,
        status: end.status,
        reason: end.reason,
        stack_image: end.facts?.stackImage ?? null,
        run_image: end.facts?.runImage ?? null,
        durations: end.facts ? JSON.stringify(end.facts.durations) : null,
        at: end.at.toISOString(),
      }).changes > 0,
    /** The newest build of this app that had these inputs. */
    findByInputs(appId: string, inputs: string): Reusable | undefined {
      const row = byInputs.get(appId, inputs)
      if (!row?.image || !row.image_kind || row.process_types === null) return undefined
      const processTypes = JSON.parse(row.process_types) as Record<string, string>
      const images = JSON.parse(row.images) as Reusable['images'] & object
      return { number: row.number, image: row.image, images, imageKind: row.image_kind, port: row.port, processTypes }
    },
    /** What the app's last build that got so far was made on. */
    lastStackImage: (appId: string) => lastStack.get(appId)?.stack_image,
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
