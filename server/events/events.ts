import type { Db } from '../../db/open.ts'
import type { Clock } from '../clock.ts'
import type { Ids } from '../ids.ts'
import { eventStore, type PlatformEvent } from './store.ts'

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  /** Called with each event in the transaction that keeps it. */
  onRecord: (event: PlatformEvent) => void
}

/** Who changed what: the audit trail, and what webhooks tell. */
export function events({ db, clock, ids, onRecord }: Deps) {
  const store = eventStore(db)
  return {
    record: db.transaction((event: Omit<PlatformEvent, 'id' | 'createdAt'>): void => {
      const made = { ...event, id: ids.uuid(), createdAt: clock.now() }
      store.insert(made)
      onRecord(made)
    }),
    /** Newest first, at most a thousand. */
    ofApp: store.byApp,
    all: store.all,
    find: store.find,
  }
}
export type Events = ReturnType<typeof events>
