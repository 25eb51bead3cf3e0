import type { Authorization } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { json, progress } from '../../output.ts'
import { table, when } from '../../table.ts'

const path = (id: string, ...rest: string[]) => ['/oauth/authorizations', encodeURIComponent(id), ...rest].join('/')
const ID = ['<id>', 'its id, as `dozen authorizations` shows it'] as const

/** GET /oauth/authorizations/:id */
export const info: Make = (context) =>
  command('authorizations:info', 'show a token, but not its secret')
    .argument(...ID)
    .option('--json', 'print it as JSON')
    .action(async (id: string, options: JsonOption) => {
      const found = await context.api.get<Authorization>(path(id))
      if (options.json) return json(context, found)
      const { expires_in: left } = found.access_token
      table([
        ['ID:', found.id],
        ['Description:', found.description],
        ['Scope:', found.scope.join(', ')],
        ['Created:', when(found.created_at, context.now())],
        ['Expires:', left === null ? 'never' : `in ${left} s`],
      ]).forEach(context.out)
    })

/** PATCH /oauth/authorizations/:id */
export const update: Make = (context) =>
  command('authorizations:update', 'say anew what a token is for')
    .argument(...ID)
    .requiredOption('-d, --description <text>', 'what it is for')
    .action(async (id: string, { description }: { description: string }) => {
      await progress(context, 'Updating token', context.api.patch(path(id), { description }))
    })

/** POST /oauth/authorizations/:id/actions/regenerate-tokens */
export const rotate: Make = (context) =>
  command('authorizations:rotate', 'give a token a new secret; the old one ends at once')
    .argument(...ID)
    .option('--json', 'print it as JSON')
    .action(async (id: string, options: JsonOption) => {
      const made = context.api.post<Authorization>(path(id, 'actions', 'regenerate-tokens'))
      const found = options.json ? await made : await progress(context, 'Rotating token', made)
      if (options.json) return json(context, found)
      if (!found.access_token.token) throw new CliError('The server rotated the token but did not tell it.')
      context.err('Keep it: it is shown only now.')
      context.out(found.access_token.token)
    })
