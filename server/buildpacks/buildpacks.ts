import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import { AppError, invalid } from '../errors.ts'
import type { LogSink } from '../logs/line.ts'
import { canonical, parseReference } from './reference.ts'

const MAX_BUILDPACKS = 20

type Deps = {
  db: Db
  logs: LogSink
  /** Whether this account may name folders of this machine: whoever may, reads any repository on it. */
  mayUseHost: (accountId: string) => boolean
}

/** Which buildpacks an app has asked for. */
export function buildpacks({ db, logs, mayUseHost }: Deps) {
  const all = db.prepare<[string], string>('SELECT ref FROM buildpacks WHERE app_id = ? ORDER BY ordinal').pluck()
  const clear = db.prepare('DELETE FROM buildpacks WHERE app_id = ?')
  const insert = db.prepare('INSERT INTO buildpacks (app_id, ordinal, ref) VALUES (?, ?, ?)')
  const replace = db.transaction((appId: string, refs: readonly string[]) => {
    clear.run(appId)
    refs.forEach((ref, ordinal) => insert.run(appId, ordinal, ref))
  })

  return {
    /** In the order they run; [] = found out by the app's files. */
    list: (appId: string): string[] => all.all(appId),
    /** The whole list anew. Throws invalid_params or forbidden with the entry at fault; then nothing has changed. */
    set(app: App, user: { id: string; email: string }, names: readonly string[]): string[] {
      if (names.length > MAX_BUILDPACKS) throw invalid(`An app has at most ${MAX_BUILDPACKS} buildpacks.`)
      const references = names.map(parseReference)
      if (references.some((one) => one.kind === 'git' && one.isLocal) && !mayUseHost(user.id))
        throw new AppError('forbidden', 'Only an admin may use a buildpack from a folder of this machine. Use an https URL.')
      const refs = references.map(canonical)
      if (new Set(refs).size < refs.length) throw invalid('A buildpack is in the list twice.')
      replace.immediate(app.id, refs)
      const what = refs.length > 0 ? `Set buildpacks to ${refs.join(', ')}` : 'Clear buildpacks'
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `${what} by user ${user.email}` })
      return refs
    },
  }
}
