import type { Account } from '../server/api/wire.ts'
import type { Context } from './context.ts'
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

export async function folder({ cwd }: Context): Promise<string> {
  const remote = await git(cwd, 'remote', 'get-url', 'dozen')
  return remote ? `deploys to ${appOfRemote(remote) ?? remote}` : 'no git remote dozen here: say the app with -a'
}
