import { appCommand, type AppOption, type Make } from '../../command.ts'
import { progress } from '../../output.ts'
import type { Transfer } from '../../shapes.ts'

/** POST /account/app-transfers */
export const transfer: Make = (context) =>
  appCommand('apps:transfer', 'give an app to someone else')
    .argument('<email>', 'the account that gets it')
    .action(async (recipient: string, options: AppOption) => {
      const app = await context.app(options.app)
      const made = context.api.post<Transfer>('/account/app-transfers', { app, recipient })
      const { state } = await progress(context, `Transferring ${app} to ${recipient}`, made)
      if (state === 'pending') context.err(`${recipient} has to accept it first.`)
    })
