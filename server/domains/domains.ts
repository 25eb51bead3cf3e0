import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Domain } from './domain.ts'
import { hostname as parse, parentOf } from './hostname.ts'
import { domainStore } from './store.ts'

type User = { id: string; email: string }
type Deps = {
  db: Db
  clock: Clock
  ids: Ids
  logs: LogSink
  baseDomain: string
  apiHost: string
  /** The name of an app, if the user may see it. */
  nameOf: (user: User, appId: string) => string | undefined
  wake: () => void
}

/** Host names of apps: one owner each. */
export function domains({ db, clock, ids, logs, baseDomain, apiHost, nameOf, wake }: Deps) {
  const store = domainStore(db)
  const tell = (app: App, user: User, text: string) =>
    logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `${text} by user ${user.email}` })

  const platform = (app: App): Domain => ({
    id: app.id,
    appId: app.id,
    hostname: `${app.name}.${baseDomain}`,
    kind: 'platform',
    ...store.defaultOf(app.id),
    createdAt: app.createdAt,
    updatedAt: app.updatedAt,
  })
  const list = (app: App) => [platform(app), ...store.list(app.id)]

  function find(app: App, hostnameOrId: string): Domain {
    const wanted = hostnameOrId.toLowerCase()
    const found = list(app).find((domain) => domain.hostname === wanted || domain.id === wanted) ?? byText(app, hostnameOrId)
    if (!found) throw notFound('domain')
    return found
  }

  /** As it was typed: "Bücher.example". */
  function byText(app: App, text: string): Domain | undefined {
    try {
      const name = parse(text)
      return list(app).find((domain) => domain.hostname === name)
    } catch {
      return undefined
    }
  }

  /** Throws conflict; only who may see the other app is told which one it is. */
  function checkFree(app: App, user: User, name: string): void {
    const same = store.findByName(name)
    if (same?.appId === app.id) throw new AppError('conflict', `${name} is already a domain of ${app.name}.`)
    const [rival] = same ? [same] : rivals(app, user, name)
    if (!rival) return
    const theirs = rival.hostname === name ? name : `${name}, as ${rival.hostname},`
    const owner = nameOf(user, rival.appId)
    throw new AppError('conflict', `${theirs} is already in use by ${owner ? `your app ${owner}` : 'another app'}.`)
  }

  /** Names of people's apps that the user may not see, and that a wildcard would lead away or that lie under theirs. */
  function rivals(app: App, user: User, name: string): Domain[] {
    const above = store.findByName(`*.${parentOf(name)}`)
    const overlapping = name.startsWith('*.') ? store.listBelow(parentOf(name)) : above ? [above] : []
    return overlapping.filter((other) => other.appId !== app.id && nameOf(user, other.appId) === undefined)
  }

  function check(app: App, user: User, text: unknown): string {
    const name = parse(text)
    const isOurs = name === apiHost || name === baseDomain || name.endsWith(`.${baseDomain}`)
    // A wildcard over the API's own host would stand beside it with cookies and certificates.
    if (isOurs || (name.startsWith('*.') && parentOf(apiHost) === parentOf(name)))
      throw invalid(`${name} belongs to the platform: every app has its own name below ${baseDomain} already.`)
    checkFree(app, user, name)
    return name
  }

  function insert(app: App, user: User, text: unknown): Domain {
    const at = clock.now()
    const hostname = check(app, user, text)
    const made: Domain = { id: ids.uuid(), appId: app.id, hostname, kind: 'custom', isOn: true, certId: null, createdAt: at, updatedAt: at } // prettier-ignore
    store.insert(made)
    return made
  }

  return {
    list,
    find,
    /** Names that lead to the app now. */
    hosts: (app: App) => list(app).flatMap((domain) => (domain.isOn ? [domain.hostname] : [])),
    /** Throws invalid_params, conflict. */
    add(app: App, user: User, hostname: string): Domain {
      const domain = db.transaction(() => insert(app, user, hostname)).immediate()
      tell(app, user, `Add domain ${domain.hostname}`)
      wake()
      return domain
    },
    /** `certId`: which certificate is shown for it. `isOn`: whether the default one leads to the app. Absent = as it is. */
    update(app: App, user: User, hostnameOrId: string, changes: { certId?: string | null; isOn?: boolean }): Domain {
      const domain = find(app, hostnameOrId)
      const { certId = domain.certId, isOn = domain.isOn } = changes
      if (domain.kind === 'platform') store.setDefault(app.id, { isOn, certId })
      else if (isOn) store.choose(domain.id, certId, clock.now())
      else throw invalid(`Only the default domain can be switched off. Remove ${domain.hostname} with domains:remove.`)
      tell(app, user, isOn === domain.isOn ? `Update domain ${domain.hostname}` : `Turn domain ${domain.hostname} ${isOn ? 'on' : 'off'}`) // prettier-ignore
      wake()
      return find(app, domain.id)
    },
    remove(app: App, user: User, hostnameOrId: string): Domain {
      const domain = find(app, hostnameOrId)
      if (domain.kind === 'platform')
        throw invalid(`${domain.hostname} comes with the app and cannot be removed; "domains:default off" switches it off.`)
      store.remove(domain.id)
      tell(app, user, `Remove domain ${domain.hostname}`)
      wake()
      return domain
    },
  }
}
