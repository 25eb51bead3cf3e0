import type { Db } from '../db/open.ts'
import { acme as makeAcme } from './acme/acme.ts'
import { acmeSettings } from './acme/settings.ts'
import type { Account } from './accounts/account.ts'
import type { App } from './apps/app.ts'
import { certs as makeCerts } from './certs/certs.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { domains as makeDomains } from './domains/domains.ts'
import type { Home } from './home.ts'
import type { Ids } from './ids.ts'
import type { LogSink } from './logs/line.ts'
import type { Routing } from './routing/routing.ts'
import type { Vault } from './secrets/vault.ts'

type Deps = {
  config: Config
  home: Home
  db: Db
  vault: Vault
  clock: Clock
  ids: Ids
  stream: LogSink
  routing: Routing
  apps: { all(): App[]; list(account: Account): App[] }
  findAccount: (id: string) => Account | undefined
  wake: () => void
  onError: (what: string, cause: unknown) => void
}

/** The apps' host names, and what makes them secure: certificates of users, and those that dozen orders. */
export function hostNames({
  config,
  home,
  db,
  vault,
  clock,
  ids,
  stream: logs,
  routing,
  apps,
  findAccount,
  wake,
  onError,
}: Deps) {
  const domains = makeDomains({
    db,
    clock,
    ids,
    logs,
    baseDomain: config.domain,
    apiHost: config.apiHost.toLowerCase(),
    nameOf({ id }, appId) {
      const account = findAccount(id)
      return account && apps.list(account).find((app) => app.id === appId)?.name
    },
    wake() {
      certs.sync()
      acme.wake()
      wake()
    },
  })
  const certs = makeCerts({
    db,
    vault,
    clock,
    ids,
    logs,
    folder: home.path('router/certs'),
    apps: apps.all,
    domains: (app) => domains.list(app).filter(({ isOn }) => isOn),
    wake: () => acme.wake(),
  })
  const acme = makeAcme({
    db,
    vault,
    clock,
    logs,
    ...acmeSettings({ config, home, db }),
    apps: apps.all,
    hosts: domains.hosts,
    certs,
    publish: routing.challenge,
    onError,
  })
  return { domains, certs, acme }
}
