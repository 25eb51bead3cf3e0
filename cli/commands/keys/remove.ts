import { command, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'
import type { Key } from '../../shapes.ts'
import { count } from '../../table.ts'

/** DELETE /account/keys/:id of the key with that comment, id or fingerprint */
export const remove: Make = (context) =>
  command('keys:remove', 'remove an SSH key')
    .argument('<key>', 'its comment (often user@machine), id or fingerprint')
    .action(async (name: string) => {
      const keys = await context.api.list<Key>('/account/keys')
      const names = (key: Key) => [key.id, key.fingerprint, key.comment, key.public_key.trim().split(/\s+/).slice(2).join(' ')]
      const key = keys.find((one) => names(one).includes(name))
      if (!key) throw new CliError(`You have no SSH key ${JSON.stringify(name)}.`, { hint: '`dozen keys` lists yours.' })
      await progress(context, `Removing ${name}`, context.api.delete(`/account/keys/${encodeURIComponent(key.id)}`))
    })

/** DELETE of each key */
export const clear: Make = (context) =>
  command('keys:clear', 'remove all your SSH keys').action(async () => {
    const keys = await context.api.list<Key>('/account/keys')
    const gone = Promise.all(keys.map(({ id }) => context.api.delete(`/account/keys/${encodeURIComponent(id)}`)))
    await progress(context, `Removing ${count(keys.length, 'key')}`, gone)
  })
