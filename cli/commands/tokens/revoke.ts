import type { Authorization } from '../../../server/api/wire.ts'
import { command, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** DELETE /oauth/authorizations/:id */
export const revoke: Make = (context) =>
  command('authorizations:revoke', 'end a token')
    .argument('<id>', 'its id, as `dozen authorizations` shows it')
    .action(async (id: string) => {
      const gone = context.api.delete<Authorization>(`/oauth/authorizations/${encodeURIComponent(id)}`)
      await progress(context, 'Revoking token', gone, ({ description }) => description)
    })
