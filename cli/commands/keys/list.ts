import { command, type JsonOption, type Make } from '../../command.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import type { Key } from '../../shapes.ts'

/** GET /account/keys */
export const list: Make = (context) =>
  command('keys', 'list your SSH keys')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<Key>('/account/keys')
      const empty = 'You have no SSH keys here. `dozen keys:add` adds one.'
      printList(context, options, { items, title: 'Your SSH keys', empty, row: ({ public_key }) => brief(public_key) })
    })

/** "ssh-ed25519 AAAAC3NzaC1lZDI1… me@here" → its kind, both ends of the key, the comment. */
export function brief(publicKey: string): string[] {
  const [kind = '', key = '', ...comment] = publicKey.trim().split(/\s+/)
  return [kind, key.length > 24 ? `${key.slice(0, 10)}...${key.slice(-10)}` : key, comment.join(' ')]
}
