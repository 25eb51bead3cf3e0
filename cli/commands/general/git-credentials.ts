import { command, type Make } from '../../command.ts'
import { wholeInput } from '../../input.ts'

/** git's credential protocol (gitcredentials(7)): answers `get` for our own host only, stays silent otherwise. */
export const gitCredentials: Make = (context) =>
  command('git:credentials', 'tell git the token for pushes; git calls this')
    .argument('[operation]', 'get, store or erase', 'get')
    .action(async (operation: string) => {
      if (operation !== 'get') return
      const asked = Object.fromEntries(
        (await wholeInput(context.streams.stdin)).split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)),
      )
      const { protocol, host } = new URL(context.settings.url())
      const { value } = context.settings.token()
      if (!value || asked.protocol !== protocol.slice(0, -1) || !isSameHost(host, String(asked.host), protocol)) return
      context.out('username=dozen')
      context.out(`password=${value}`)
    })

/** "localhost:443" and "localhost" are one host under https. */
export const isSameHost = (ours: string, asked: string, protocol: string): boolean =>
  URL.canParse(`${protocol}//${asked}`) && new URL(`${protocol}//${asked}`).host === ours
