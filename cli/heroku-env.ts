import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from './context.ts'
import { CliError } from './errors.ts'

type From = Pick<Context, 'settings' | 'env'>

/** What Heroku's client takes for a server that it may trust. */
export const isLoopback = (url: string): boolean => ['localhost', '127.0.0.1'].includes(new URL(url).hostname)

/** The file of the installation's CA, where there is one. */
export const caPath = ({ settings, env }: From): string | undefined =>
  [env.DOZEN_CA, join(settings.home, 'certs', 'ca.pem')].find((path) => path && existsSync(path))

/**
 * The environment in which Heroku's own client (11.x) talks to this dozen and to nobody else (PLATFORM-API.md section 2). Throws
 * CliError where it would send the token to Heroku: it trusts no server but one at localhost or 127.0.0.1 (section 3.1).
 */
export function herokuEnv({ settings, env }: From, url = settings.url()): Record<string, string> {
  const { hostname, port, protocol } = new URL(url)
  if (!isLoopback(url)) {
    const away = port || (protocol === 'https:' ? '443' : '80')
    throw new CliError(
      `Heroku's client trusts only servers at localhost or 127.0.0.1, and would send your token for ${hostname} to Heroku.`,
      {
        hint: `Make a tunnel, \`ssh -L 5170:localhost:${away} ${hostname}\`, and use DOZEN_URL=${protocol}//127.0.0.1:5170`,
      },
    )
  }
  const { value } = settings.token()
  if (!value) throw new CliError('No token is set.', { hint: 'Run `dozen login`, or set DOZEN_TOKEN.' })
  const ca = caPath({ settings, env })
  return {
    HEROKU_HOST: url,
    HEROKU_API_KEY: value,
    HEROKU_PARTICLEBOARD_URL: url,
    HEROKU_LOGIN_HOST: url,
    HEROKU_STATUS_HOST: url,
    HEROKU_BUILDPACK_REGISTRY_URL: url,
    HEROKU_DATA_HOST: hostname,
    HEROKU_GIT_HOST: new URL(settings.url()).host, // remotes outlive a forwarded port, and git trusts more than loopback
    DISABLE_TELEMETRY: 'true',
    HEROKU_SKIP_NEW_VERSION_CHECK: '1',
    HEROKU_DISABLE_AUTOUPDATE: '1',
    NO_PROXY: 'localhost,127.0.0.1',
    no_proxy: 'localhost,127.0.0.1',
    ...(ca && { NODE_EXTRA_CA_CERTS: ca, GIT_SSL_CAINFO: ca }),
  }
}
