import type { Db } from '../../db/open.ts'
import type { Account } from '../accounts/account.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import { failpoint } from '../failpoint.ts'
import type { Ids } from '../ids.ts'
import type { App } from './app.ts'
import { checkName, madeUpName } from './names.ts'
import { appStore } from './store.ts'

const DEFAULT_STACK = 'heroku-22'
/** Heroku's other names, which clients and app.json files ask for: the default stands in for them unless they are set up. */
const STAND_INS = ['heroku-20', 'heroku-24']

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
  /** Apps that one account may own. */
  maxPerUser?: number
  wake: () => void
  /** The stacks that apps may be set to, beside `container`. */
  stacks?: () => readonly string[]
}

/** Apps: one repository each, and everything that runs from it. */
export function apps(deps: Deps) {
  const {
    db,
    clock,
    ids,
    initialRelease,
    mayUse,
    prepare,
    clean,
    maxPerUser = Infinity,
    wake,
    stacks = () => [DEFAULT_STACK],
  } = deps
  const store = appStore(db)
  const isVisible = (account: Account, app: App) => account.admin || app.owner.id === account.id || mayUse(account, app)

  function checkStack(stack: unknown): string {
    const known = [...stacks(), 'container']
    const found = known.find((one) => one === stack) ?? (STAND_INS.find((one) => one === stack) && DEFAULT_STACK)
    if (!found) throw invalid(`There is no stack ${JSON.stringify(stack)}. There are: ${known.join(', ')}.`)
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
    byId: (id: string): App | undefined => store.find(id),
    has: (id: string) => store.find(id) !== undefined,
    list: (account: Account) => store.list().filter((app) => isVisible(account, app)),

    /** By name or id; the same error for what does not exist and for what is somebody else's. */
    find(account: Account, nameOrId: string): App {
      const app = store.find(nameOrId)
      if (!app || !isVisible(account, app)) throw notFound('app')
      return app
    },

    create(user: { id: string; email: string }, input: { name?: string | undefined; stack?: string | undefined }): App {
      const stack = checkStack(input.stack ?? DEFAULT_STACK)
      const wanted = input.name === undefined ? undefined : checkName(input.name)
      if (store.list().filter(({ owner }) => owner.id === user.id).length >= maxPerUser)
        throw new AppError(
          'invalid_params',
          `You own ${maxPerUser} apps already, which is the most here (DOZEN_MAX_APPS): destroy one first.`,
        )
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
