import { hostname } from 'node:os'
import type { Authorization } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { CliError } from '../../errors.ts'
import { json, progress } from '../../output.ts'
import { parseCount } from '../../pairs.ts'

type Options = JsonOption & { description?: string; scope?: string; expiresIn?: number; short?: boolean }

/** POST /oauth/authorizations; the token is printed this once. */
export const create: Make = (context) =>
  command('authorizations:create', 'make a token')
    .option('-d, --description <text>', 'what it is for')
    .option('-s, --scope <list>', 'what it may do, e.g. read or global', 'global')
    .option('-e, --expires-in <seconds>', 'how long it is good', parseCount)
    .option('-S, --short', 'print the token alone')
    .option('--json', 'print it as JSON')
    .action(async (options: Options) => {
      const made = context.api.post<Authorization>('/oauth/authorizations', {
        description: options.description ?? `dozen on ${hostname()}`,
        scope: options.scope?.split(','),
        ...(options.expiresIn && { expires_in: options.expiresIn }),
      })
      const authorization = options.short || options.json ? await made : await progress(context, 'Creating token', made)
      if (options.json) return json(context, authorization)
      const { token } = authorization.access_token
      if (!token) throw new CliError('The server made the token but did not tell it.')
      if (!options.short) context.err('Keep it: it is shown only now.')
      context.out(token)
    })
