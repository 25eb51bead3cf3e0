import type { Account } from '../../../server/api/wire.ts'
import { apiClient } from '../../client.ts'
import { command, type Make } from '../../command.ts'
import type { Context } from '../../context.ts'
import { ApiError, CliError, UsageError } from '../../errors.ts'
import { secretLine, wholeInput } from '../../input.ts'
import { origin, type Settings, readCredentials, writeCredentials } from '../../settings.ts'
import { safe } from '../../terminal.ts'

/** GET /account with the new token, then saves it for this server's URL. */
export const login: Make = (context) =>
  command('login', 'save a token for a dozen')
    .argument('[url]', 'API of the dozen, e.g. http://127.0.0.1:5170')
    .option('--token-stdin', 'read the token from stdin')
    .action(async (given: string | undefined, options: { tokenStdin?: boolean }) => {
      const url = given ? origin(given) : context.settings.likelyUrl()
      const token = await ask(context, options.tokenStdin === true, url)
      const settings = { ...context.settings, url: () => url, token: () => ({ value: token, from: 'what you typed' }) }
      const { email } = await verify(settings, context)
      const path = context.settings.credentialsPath
      const { servers } = readCredentials(path)
      writeCredentials(path, { current: url, servers: { ...servers, [url]: { token, email } } })
      context.out(`Logged in to ${url} as ${safe(email)}`)
    })

/** The server's no is about what was just typed: no hint on where it came from. */
async function verify(settings: Settings, { err }: Context): Promise<Account> {
  try {
    return await apiClient(settings, err).get<Account>('/account')
  } catch (error) {
    throw error instanceof ApiError && error.status === 401 ? new CliError(error.message, { hint: 'Nothing was saved.' }) : error
  }
}

async function ask(context: Context, isPiped: boolean, url: string): Promise<string> {
  const { DOZEN_TOKEN } = context.env
  if (!isPiped && DOZEN_TOKEN) return DOZEN_TOKEN.trim()
  if (!isPiped && !context.terminal.isInput) {
    throw new UsageError('There is no terminal to ask for a token.', { hint: 'Pass it with --token-stdin, or set DOZEN_TOKEN.' })
  }
  if (!isPiped) context.err(`The administrator's token is in the file admin-token of dozen's home (~/.dozen) on its machine.`)
  const token = (
    isPiped ? await wholeInput(context.streams.stdin) : await secretLine(context.streams, `Token for ${url}: `)
  ).trim()
  if (!token) throw new UsageError('The token is empty.')
  return token
}
