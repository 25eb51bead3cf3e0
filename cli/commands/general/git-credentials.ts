import { command, type Make } from '../../command.ts'
import { wholeInput } from '../../input.ts'

/** git's credential protocol (gitcredentials(7)): answers `get` for a host that it has a token for, and is silent otherwise. */
export const gitCredentials: Make = (context) =>
  command('git:credentials', 'tell git the token for pushes; git calls this')
    .argument('[operation]', 'get, store or erase', 'get')
    .action(async (operation: string) => {
      if (operation !== 'get') return
      const { protocol, host } = parseCredential(await wholeInput(context.streams.stdin))
      if (!protocol || !host) return
      const { value } = context.settings.token(`${protocol}://${host}`)
      if (!value) return
      context.out('username=dozen')
      context.out(`password=${value}`)
    })

/** "protocol=http\nhost=127.0.0.1:5170\n" → { protocol: "http", host: "127.0.0.1:5170" } */
export const parseCredential = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .flatMap((line) => (line.includes('=') ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])),
  )
