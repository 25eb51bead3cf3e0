import type { Db } from '../../db/open.ts'
import type { SwitchCost } from '../api/wire.ts'
import type { Vault } from '../secrets/vault.ts'
import type { Manifest } from '../manifest/manifest.ts'
import type { Failure, ImageSource, Release, ReleaseCause } from './release.ts'

/** One release with its state, spelled as SQLite returns it. Never leaves this file. */
type Row = {
  id: string
  app_id: string
  version: number
  cause: ReleaseCause
  description: string
  user_id: string
  user_email: string
  build_id: string | null
  image: string | null
  images: string
  image_kind: ImageSource['imageKind']
  port: number | null
  source_commit: string | null
  process_types: string
  manifest: string
  created_at: string
  status: Release['status']
  stage: Release['stage']
  reason: string | null
  cost: string | null
  updated_at: string
}

const fromRow = (r: Row): Release => ({
  id: r.id,
  appId: r.app_id,
  version: r.version,
  cause: r.cause,
  description: r.description,
  user: { id: r.user_id, email: r.user_email },
  source: r.image === null ? undefined : sourceOf(r, r.image),
  status: r.status,
  stage: r.stage,
  reason: r.reason,
  cost: r.cost === null ? null : (JSON.parse(r.cost) as SwitchCost),
  createdAt: new Date(r.created_at),
  updatedAt: new Date(r.updated_at),
})

const sourceOf = (r: Row, image: string): ImageSource => ({
  image,
  images: JSON.parse(r.images) as ImageSource['images'] & object,
  imageKind: r.image_kind,
  port: r.port,
  processTypes: JSON.parse(r.process_types) as Record<string, string>,
  manifest: JSON.parse(r.manifest) as Manifest,
  buildId: r.build_id,
  commit: r.source_commit,
})

const map = (row: Row | undefined) => row && fromRow(row)

/** What the writer of a release says; number and state are the store's. */
export type Draft = Pick<Release, 'cause' | 'description' | 'user' | 'source'> & { config: Readonly<Record<string, string>> }

const JOINED = `
  SELECT r.*, s.status, s.stage, s.reason, s.cost, s.updated_at
  FROM releases r JOIN release_states s USING (app_id, version)`

/** All SQL about releases, their config and their state. */
export function releaseStore(db: Db, vault: Vault) {
  const insert = db.prepare(`
    INSERT INTO releases ( id,  app_id,  version,  cause,  description,  user_id,  user_email,  build_id,  image,  images,  image_kind,  port,
                           source_commit,  process_types,  manifest,  created_at)
    VALUES               (@id, @app_id, @version, @cause, @description, @user_id, @user_email, @build_id, @image, @images, @image_kind, @port,
                          @source_commit, @process_types, @manifest, @created_at)`)
  const insertConfig = db.prepare('INSERT INTO release_configs (app_id, version, sealed) VALUES (?, ?, ?)')
  const insertState = db.prepare(`
    INSERT INTO release_states ( app_id,  version,  status,  stage,  updated_at)
    VALUES                     (@app_id, @version, @status, @stage, @updated_at)`)
  const updateState = db.prepare(`
    UPDATE release_states
    SET status = coalesce(@status, status), stage = coalesce(@stage, stage), reason = coalesce(@reason, reason),
        cost = coalesce(@cost, cost), updated_at = coalesce(@updated_at, updated_at)
    WHERE app_id = @app_id AND version = @version`)
  const highest = db.prepare<[string], number>('SELECT coalesce(max(version), 0) FROM releases WHERE app_id = ?').pluck()
  const byVersion = db.prepare<[string, number], Row>(`${JOINED} WHERE r.app_id = ? AND r.version = ?`)
  const byId = db.prepare<[string, string], Row>(`${JOINED} WHERE r.app_id = ? AND r.id = ?`)
  const all = db.prepare<[string], Row>(`${JOINED} WHERE r.app_id = ? ORDER BY r.version`)
  const newest = db.prepare<[string, string], Row>(`
    ${JOINED} WHERE r.app_id = ? AND s.status IN (SELECT value FROM json_each(?)) ORDER BY r.version DESC LIMIT 1`)
  const open = db.prepare<[], Row>(`${JOINED} WHERE s.stage <> 'done' ORDER BY r.app_id, r.version`)
  const inUse = db
    .prepare<{ app: string }, number>(
      `SELECT version FROM release_states WHERE app_id = @app AND status = 'pending'
       UNION SELECT max(version) FROM release_states WHERE app_id = @app AND status = 'succeeded'`,
    )
    .pluck()
  const config = db
    .prepare<[string, number], Buffer>('SELECT sealed FROM release_configs WHERE app_id = ? AND version = ?')
    .pluck()
  /** Per app: what serves or is to serve, and the newest `keep` that ran. */
  const kept = db
    .prepare<{ app: string | null; keep: number }, string>(
      `WITH kept AS (
         SELECT image, images FROM (
           SELECT r.app_id, r.image, r.images, s.status,
                  sum(s.status = 'succeeded') OVER (PARTITION BY r.app_id ORDER BY r.version DESC) AS newer_or_it
           FROM releases r JOIN release_states s USING (app_id, version)
           WHERE r.image IS NOT NULL AND (@app IS NULL OR r.app_id = @app))
         WHERE status = 'pending' OR (status = 'succeeded' AND newer_or_it <= @keep))
       SELECT image FROM kept UNION SELECT value ->> 'image' FROM kept, json_each(kept.images)`,
    )
    .pluck()
  const released = db
    .prepare<[], string>(
      `SELECT image FROM releases WHERE image IS NOT NULL
       UNION SELECT value ->> 'image' FROM releases, json_each(releases.images)`,
    )
    .pluck()
  const insertFailure = db.prepare('INSERT OR REPLACE INTO release_failures (app_id, version, dyno, lines) VALUES (?, ?, ?, ?)')
  const failure = db.prepare<[string, number], { dyno: string; lines: string }>(
    'SELECT dyno, lines FROM release_failures WHERE app_id = ? AND version = ?',
  )
  const place = (appId: string, version: number) => `${appId}/${version}`

  return {
    /** Adds the app's next version. Call inside a transaction that holds the write lock. */
    append(id: string, appId: string, draft: Draft, at: Date): Release {
      const version = highest.get(appId)! + 1
      const { source } = draft
      insert.run({
        id, app_id: appId, version, cause: draft.cause, description: draft.description,
        user_id: draft.user.id, user_email: draft.user.email, created_at: at.toISOString(),
        build_id: source?.buildId ?? null, image: source?.image ?? null, images: JSON.stringify(source?.images ?? {}), image_kind: source?.imageKind ?? 'buildpack',
        port: source?.port ?? null, source_commit: source?.commit ?? null, process_types: JSON.stringify(source?.processTypes ?? {}),
        manifest: JSON.stringify(source?.manifest ?? {}),
      }) // prettier-ignore
      insertConfig.run(appId, version, vault.seal(JSON.stringify(draft.config), place(appId, version)))
      const stage = source === undefined ? 'done' : source.processTypes['release'] === undefined ? 'rollout' : 'release_phase'
      const status = source === undefined ? 'succeeded' : 'pending'
      insertState.run({ app_id: appId, version, status, stage, updated_at: at.toISOString() })
      return fromRow(byVersion.get(appId, version)!)
    },

    /** Images of the newest `keep` releases that ran and of those to come; of one app, or of all. */
    keptImages: (keep: number, appId: string | null = null): ReadonlySet<string> => new Set(kept.all({ app: appId, keep })),
    releasedImages: (): ReadonlySet<string> => new Set(released.all()),

    /** Absent fields stay. The status of a settled release never changes: a trigger aborts. */
    update(
      { appId, version }: Pick<Release, 'appId' | 'version'>,
      change: Partial<Pick<Release, 'status' | 'stage' | 'reason' | 'cost'>> & { at?: Date },
    ) {
      updateState.run({
        app_id: appId, version, status: change.status ?? null, stage: change.stage ?? null, reason: change.reason ?? null,
        cost: change.cost ? JSON.stringify(change.cost) : null, updated_at: change.at?.toISOString() ?? null,
      }) // prettier-ignore
    },

    keepFailure: ({ appId, version }: Pick<Release, 'appId' | 'version'>, { dyno, lines }: Failure) =>
      void insertFailure.run(appId, version, dyno, JSON.stringify(lines)),
    /** undefined = it has not failed, or not by a process of its own. */
    failure(appId: string, version: number): Failure | undefined {
      const row = failure.get(appId, version)
      return row && { dyno: row.dyno, lines: JSON.parse(row.lines) as string[] }
    },

    find: (appId: string, version: number) => map(byVersion.get(appId, version)),
    findById: (appId: string, id: string) => map(byId.get(appId, id)),
    /** Oldest first. */
    list: (appId: string) => all.all(appId).map(fromRow),
    newest: (appId: string, statuses: readonly Release['status'][]) => map(newest.get(appId, JSON.stringify(statuses))),
    /** Versions of those on their way, and of the one that serves. */
    inUse: (appId: string) => inUse.all({ app: appId }).filter((version) => version !== null),
    /** Those still on their way, of all apps. */
    open: () => open.all().map(fromRow),
    config(appId: string, version: number): Record<string, string> {
      const sealed = config.get(appId, version)
      return sealed ? (JSON.parse(vault.open(sealed, place(appId, version))) as Record<string, string>) : {}
    },
  }
}

export type ReleaseStore = ReturnType<typeof releaseStore>
