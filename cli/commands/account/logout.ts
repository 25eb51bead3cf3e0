import { command, type Make } from '../../command.ts'
import { readCredentials, writeCredentials } from '../../settings.ts'

/** Forgets the saved token of the server; the token itself stays good: `dozen authorizations:revoke` ends it. */
export const logout: Make = (context) =>
  command('logout', 'forget the saved token').action(() => {
    const { credentialsPath: path } = context.settings
    const { current, servers } = readCredentials(path)
    const url = current ?? context.settings.url()
    const { [url]: gone, ...others } = servers
    if (!gone) return context.err(`No token is saved for ${url}.`)
    const [next] = Object.keys(others)
    writeCredentials(path, { ...(next && { current: next }), servers: others })
    context.err(`Logged out of ${url}${next ? `; now talking to ${next}` : ''}.`)
  })
