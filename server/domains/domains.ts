import { domainToASCII } from 'node:url'
import { isIP } from 'node:net'
import type { Db } from '../../db/open.ts'
import type { App } from '../apps/app.ts'
import type { Clock } from '../clock.ts'
import { AppError, invalid, notFound } from '../errors.ts'
import type { Ids } from '../ids.ts'
import type { LogSink } from '../logs/line.ts'
import type { Domain } from './domain.ts'
import { domainStore } from './store.ts'

/** RFC 1123 labels; a first label of "*" covers one level. */
const HOSTNAME = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/
const MAX_LENGTH = 253

type Deps = { db: Db; clock: Clock; ids: Ids; logs: LogSink; baseDomain: string; apiHost: string; wake: () => void }
type User = { email: string }

/** Host names of apps: one owner each. */
export function domains({ db, clock, ids, logs, baseDomain, apiHost, wake }: Deps) {
  const store = domainStore(db)

  const platform = (app: App): Domain => ({
    id: app.id,
    appId: app.id,
    hostname: `${app.name}.${baseDomain}`,
    kind: 'platform',
    createdAt: app.createdAt,
    updatedAt: app.updatedAt,
  })
  const list = (app: App) => [platform(app), ...store.list(app.id)]

  function find(app: App, hostnameOrId: string): Domain {
    const wanted = hostnameOrId.toLowerCase()
    const found = list(app).find((domain) => domain.hostname === wanted || domain.id === wanted)
    if (!found) throw notFound('domain')
    return found
  }

  function check(app: App, text: string): string {
    const hostname = domainToASCII(text.replace(/^\*\./, '')).toLowerCase()
    const name = text.startsWith('*.') ? `*.${hostname}` : hostname
    if (
      !HOSTNAME.test(name) ||
      name.length > MAX_LENGTH ||
      isIP(text) ||
      /[^\w.*-]/.test(text.normalize().replace(/[^\0-\x7f]/g, ''))
    ) {
      throw invalid(
        `${JSON.stringify(text)} is no host name: use one such as shop.example.com or *.example.com, without port or path.`,
      )
    }
    if (name === apiHost || name === baseDomain || name.endsWith(`.${baseDomain}`)) {
      throw invalid(`${name} belongs to the platform: every app has its own name below ${baseDomain} already.`)
    }
    const owner = store.findByName(name)
    if (owner?.appId === app.id) throw new AppError('conflict', `${name} is already a domain of ${app.name}.`)
    if (owner) throw new AppError('conflict', `${name} is already in use by another app.`)
    return name
  }

  return {
    list,
    find,
    hosts: (app: App) => list(app).map((domain) => domain.hostname),
    add(app: App, user: User, hostname: string): Domain {
      if (typeof hostname !== 'string') throw invalid('A domain needs a hostname, e.g. {"hostname":"shop.example.com"}.')
      const now = clock.now()
      const domain = db
        .transaction((): Domain => {
          const made = {
            id: ids.uuid(),
            appId: app.id,
            hostname: check(app, hostname),
            kind: 'custom' as const,
            createdAt: now,
            updatedAt: now,
          }
          store.insert(made)
          return made
        })
        .immediate()
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Add domain ${domain.hostname} by user ${user.email}` })
      wake()
      return domain
    },
    remove(app: App, user: User, hostnameOrId: string): Domain {
      const domain = find(app, hostnameOrId)
      if (domain.kind === 'platform') throw invalid(`${domain.hostname} comes with the app and cannot be removed.`)
      store.remove(domain.id)
      logs.publish({ appId: app.id, source: 'app', dyno: 'api', text: `Remove domain ${domain.hostname} by user ${user.email}` })
      wake()
      return domain
    },
  }
}
