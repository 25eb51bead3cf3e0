import type { Account } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { confirmed } from '../../confirm.ts'
import { JSON_OPTION, printList } from '../../listing.ts'
import { json, progress } from '../../output.ts'

/** GET /users */
export const list: Make = (context) =>
  command('users', 'list who has an account here (for admins)')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption) => {
      const items = await context.api.list<Account>('/users')
      const row = ({ email, name, admin, suspended_at: at }: Account) => [
        email,
        name ?? '',
        admin ? 'admin' : '',
        at ? 'disabled' : '',
      ]
      printList(context, options, { items, title: 'Users', empty: 'There are none.', row })
    })

/** POST /users; their token is printed this once. */
export const create: Make = (context) =>
  command('users:create', 'give someone an account and a token (for admins)')
    .argument('<email>', 'their e-mail address; no mail is sent')
    .option('-n, --name <name>', 'what they are called')
    .option('--json', 'print it as JSON')
    .action(async (email: string, options: JsonOption & { name?: string }) => {
      const made = context.api.post<Account & { access_token: { token: string } }>('/users', {
        email,
        ...(options.name && { name: options.name }),
      })
      const user = options.json ? await made : await progress(context, `Creating ${email}`, made)
      if (options.json) return json(context, user)
      context.err('Their token, shown only now: `dozen login` takes it. `dozen access:add` lets them work on an app.')
      context.out(user.access_token.token)
    })

/** DELETE /users/:user */
export const remove: Make = (context) =>
  command('users:remove', "end someone's account with its tokens and keys (for admins)")
    .argument('<email>', 'whose')
    .option('-c, --confirm <email>', 'the e-mail address again, to be sure')
    .action(async (email: string, options: { confirm?: string }) => {
      await confirmed(context, {
        name: email,
        given: options.confirm,
        loss: `ends the account of ${email} with its tokens and keys`,
      })
      await progress(context, `Removing ${email}`, context.api.delete(`/users/${encodeURIComponent(email)}`))
    })

/** PATCH /users/:user */
const switched =
  (name: 'disable' | 'enable', about: string, doing: string): Make =>
  (context) =>
    command(`users:${name}`, `${about} (for admins)`)
      .argument('<email>', 'whose')
      .action(async (email: string) => {
        const changed = context.api.patch(`/users/${encodeURIComponent(email)}`, { disabled: name === 'disable' })
        await progress(context, `${doing} ${email}`, changed)
      })

export const disable = switched('disable', 'refuse all tokens of an account; its apps go on', 'Disabling')
export const enable = switched('enable', 'let a disabled account in again', 'Enabling')
