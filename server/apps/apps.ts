import type { Db } from '../../db/open.ts'
import type { Account } from '../accounts/account.ts'
import type { Clock } from '../clock.ts'
import { invalid, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { App } from './app.ts'
import { checkName, madeUpName } from './names.ts'
import { appStore } from './store.ts'

const STACKS = ['heroku-22', 'container'] as const

type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  /** Appends v1, inside the transaction that makes the app. */
  initialRelease: (appId: string, user: { id: string; email: string }) => void
  /** Whether an account that is not the owner may work on the app. */
  mayUse: (account: Account, app: App) => boolean
  /** Makes what an app has outside the database (its repository), before the row is there. */
  prepare: (appId: string) => void
  /** Removes everything that the app had outside the database; the row is gone by then. */
  clean: (app: App) => Promise<void>
  wake: () => void
}

/** Apps: one repository each, and everything that runs from it. */
export function apps({ db, clock, ids, initialRelease, mayUse, prepare, clean, wake }: Deps) {
  const store = appStore(db)
  const isVisible = (account: Account, app: App) => account.admin || app.owner.id === account.id || mayUse(account, app)

  function checkStack(stack: unknown): App['stack'] {
    const found = STACKS.find((one) => one === stack)
    if (!found) throw invalid(`There is no stack ${JSON.stringify(stack)}. There are: ${STACKS.join(', ')}.`)
    return found
  }
  function checkFree(name: string, app?: App) {
    const taken = store.find(name)
    if (taken && taken.id !== app?.id) throw invalid(`Name ${name} is already taken`)
    return name
  }
  function freeName(): string {
    const name = madeUpName()
    return store.find(name) ? freeName() : name
  }

  return {
    all: store.list,
    has: (id: string) => store.find(id) !== undefined,
    list: (account: Account) => store.list().filter((app) => isVisible(account, app)),

    /** By name or id; the same error for what does not exist and for what is somebody else's. */
    find(account: Account, nameOrId: string): App {
      const app = store.find(nameOrId)
      if (!app || !isVisible(account, app)) throw notFound('app')
      return app
    },

    create(user: { id: string; email: string }, input: { name?: string | undefined; stack?: string | undefined }): App {
      const stack = checkStack(input.stack ?? 'heroku-22')
      const wanted = input.name === undefined ? undefined : checkName(input.name)
      const id = ids.uuid()
      prepare(id)
      db.transaction(() => {
        const name = wanted === undefined ? freeName() : checkFree(wanted)
        store.insert({ id, name, ownerId: user.id, stack, at: clock.now() })
        initialRelease(id, user)
      }).immediate()
      wake()
      return store.find(id)!
    },

    update(app: App, changes: { name?: string; maintenance?: boolean; stack?: string }): App {
      if (changes.maintenance !== undefined && typeof changes.maintenance !== 'boolean')
        throw invalid('maintenance should be true or false.')
      db.transaction(() => {
        const name = changes.name === undefined ? app.name : checkFree(checkName(changes.name), app)
        const stack = changes.stack === undefined ? app.stack : checkStack(changes.stack)
        store.update({ id: app.id, name, stack, maintenance: changes.maintenance ?? app.maintenance }, clock.now())
      }).immediate()
      wake()
      return store.find(app.id)!
    },

    transfer(app: App, _user: { email: string }, to: { id: string }): App {
      store.give(app.id, to.id, clock.now())
      return store.find(app.id)!
    },

    async destroy(app: App): Promise<void> {
      store.remove(app.id)
      failpoint('destroy.committed')
      wake()
      await clean(app)
    },
  }
}
