import type { Account, Finding } from '../server/api/wire.ts'
import type { Context } from './context.ts'
import { count } from './table.ts'
import { ApiError } from './errors.ts'
import { appOfRemote, git } from './git.ts'

/** The checks of `dozen doctor`: each says what it found or throws what is wrong. */
export async function gitVersion({ cwd }: Context): Promise<string> {
  const found = await git(cwd, '--version')
  if (!found) throw new Error('There is no git on the PATH: install it to deploy with `git push`.')
  return found
}

export async function health({ api, settings }: Context): Promise<string> {
  const started = performance.now()
  const response = await api.open('GET', '/health', { anonymous: true })
  response.resume()
  return `${settings.url()} answers in ${Math.round(performance.now() - started)} ms`
}

export async function account({ api, settings }: Context): Promise<string> {
  const { email } = await api.get<Account>('/account')
  return `${email}, by the token from ${settings.token().from}`
}

/** Names of the account's apps that cannot get a certificate, in the words of the first. */
export async function certificates({ api }: Context): Promise<string> {
  const [first, ...more] = await api.get<{ app: { name: string }; hostname: string; reason: string }[]>('/failing-certificates')
  if (!first) return 'all that are ordered are there'
  const others = more.length > 0 ? ` And ${count(more.length, 'more name')}: see "dozen certs:auto".` : ''
  throw new Error(`${first.hostname} of ${first.app.name} has no certificate. ${first.reason}${others}`)
}

/** What the server finds when it looks at itself and at the apps; nothing where it is one that has no such thing. */
export async function findings({ api }: Context): Promise<Finding[]> {
  try {
    return await api.get<Finding[]>('/doctor')
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return []
    throw error
  }
}

export async function folder({ cwd }: Context): Promise<string> {
  const remote = await git(cwd, 'remote', 'get-url', 'dozen')
  return remote ? `deploys to ${appOfRemote(remote) ?? remote}` : 'no git remote dozen here: say the app with -a'
}
