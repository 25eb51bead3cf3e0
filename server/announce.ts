import * as show from './api/serialize.ts'
import type { App } from './apps/app.ts'
import type { Build } from './builds/build.ts'
import type { Events } from './events/events.ts'
import type { Seen } from './formation/haves.ts'
import { dynoName } from './formation/plan.ts'
import type { Release } from './releases/release.ts'

type Deps = {
  events: Events
  find: (appId: string) => App | undefined
  isWanted: (appId: string, resource: string) => boolean
  apiUrl: string
  webUrl: (name: string) => string
  onError: (what: string, cause: unknown) => void
}
type Change = 'create' | 'update'

/** Events of what happens without a call of the API of its own: builds by a push, releases by a config change, processes by themselves. */
export function announce({ events, find, isWanted, apiUrl, webUrl, onError }: Deps) {
  function record(appId: string, resource: string, action: Change, actor: Release['user'] | null, data: (app: App) => object) {
    const app = find(appId)
    if (!app) return
    try {
      events.record({ appId, resource, action, actor, data: { ...data(app) } })
    } catch (cause) {
      onError('the audit trail', cause) // what happened has happened
    }
  }
  const origin = { apiUrl, webUrl: (app: App) => webUrl(app.name) }

  return {
    release: (release: Release, action: Change) =>
      record(release.appId, 'release', action, release.user, (app) =>
        show.release(release, app, { current: release.status === 'succeeded', eligible: release.status === 'succeeded' }),
      ),
    build: (build: Build, action: Change) =>
      record(build.appId, 'build', action, build.user, (app) => ({ ...show.build(build, app, origin, null), output_stream_url: null })),
    /** Only when somebody listens: processes change their state often. */
    dyno(have: Seen, state: 'starting' | 'up' | 'crashed') {
      if (!isWanted(have.appId, 'dyno')) return
      const { id, type, version } = have
      record(have.appId, 'dyno', state === 'starting' ? 'create' : 'update', null, (app) => ({
        id: show.uuidOf(id),
        name: dynoName(have),
        type,
        state,
        size: show.SIZE,
        release: { version },
        app: { id: app.id, name: app.name },
      }))
    },
  }
} // prettier-ignore
