import { command, type Make } from '../../command.ts'
import { progress } from '../../output.ts'

/** POST /secrets/actions/rotate */
export const rotate: Make = (context) =>
  command('secrets:rotate', 'encrypt config vars and other secrets with a new key (for admins)').action(async () => {
    const made = context.api.post<{ rotated: number }>('/secrets/actions/rotate', {})
    await progress(context, 'Making a new key', made, ({ rotated }) => `${rotated} values are sealed with it`)
    context.err('secret.key in DOZEN_HOME has changed: put a copy of it beside your next backup.')
  })
