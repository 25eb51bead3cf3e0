import type { Account } from '../../../server/api/wire.ts'
import { command, type JsonOption, type Make } from '../../command.ts'
import { json } from '../../output.ts'
import { safe } from '../../terminal.ts'

/** GET /account */
export const whoami: Make = (context) =>
  command('whoami', 'print who you are to the server')
    .option('--json', 'print the account as JSON')
    .action(async (options: JsonOption) => {
      const account = await context.api.get<Account>('/account')
      if (options.json) json(context, account)
      else context.out(safe(account.email))
    })
