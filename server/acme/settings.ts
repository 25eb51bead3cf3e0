import { readFileSync } from 'node:fs'
import type { Db } from '../../db/open.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import { Refused } from './authority.ts'
import { acmeStore } from './store.ts'

type Deps = {
  config: Pick<Config, 'acmeDirectory' | 'acmeEmail' | 'acmeBinding' | 'acmeCa' | 'domain'>
  home: Pick<Home, 'path'>
  db: Db
}

/** What the platform's settings make of automatic certificates. The library is loaded at the first order: most platforms never make one. */
export function acmeSettings({ config, home, db }: Deps) {
  const directory = config.acmeDirectory
  const store = acmeStore(db)

  async function load(url: string) {
    const [{ acmeAuthority }, { accountKey, makeKey, signingRequest }] = await Promise.all([
      import('./client.ts'),
      import('./keys.ts'),
    ])
    const authority = acmeAuthority({
      directory: url,
      accountKey: accountKey(home.path('certs/acme-account.key')),
      email: config.acmeEmail,
      binding: config.acmeBinding,
      ca: config.acmeCa === undefined ? undefined : readCa(config.acmeCa),
      account: {
        url: () => store.findDirectory(url).accountUrl,
        keep: (accountUrl) => store.updateDirectory(url, { accountUrl }),
      },
    })
    return { authority, makeKey, signingRequest }
  }

  let loaded: ReturnType<typeof load> | undefined
  return {
    directory,
    // A CA of one's own is no public authority: it may issue for names that only exist inside.
    isPublic: config.acmeCa === undefined,
    domain: config.domain,
    tools: () =>
      (loaded ??= load(directory!).catch((cause: unknown) => {
        loaded = undefined
        throw cause
      })),
  }
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new Refused('authority', `DOZEN_ACME_CA is ${path}, which cannot be read`)
  }
}
