import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { command, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { progress } from '../../output.ts'

const USUAL = ['id_ed25519.pub', 'id_ecdsa.pub', 'id_rsa.pub']

/** POST /account/keys */
export const add: Make = (context) =>
  command('keys:add', 'add an SSH key')
    .argument('[file]', 'its public half; ~/.ssh/id_ed25519.pub, id_ecdsa.pub or id_rsa.pub when not given')
    .action(async (file: string | undefined) => {
      const folder = join(context.env.HOME || homedir(), '.ssh')
      const path = file ?? USUAL.map((name) => join(folder, name)).find((name) => existsSync(name))
      if (!path) throw new CliError(`There is no public key in ${folder}.`, { hint: '`ssh-keygen -t ed25519` makes one.' })
      const key = readKey(path)
      await progress(context, `Adding ${path}`, context.api.post('/account/keys', { public_key: key }))
    })

function readKey(path: string): string {
  const text = existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
  if (text.includes('PRIVATE KEY')) throw new CliError(`${path} is the private half of a key; add ${path}.pub.`)
  if (!text) throw new CliError(`There is no key in ${path}.`)
  return text
}
