import type { App } from '../../../server/api/wire.ts'
import { command, type Make } from '../../command.ts'

/** App names, one a line, for shell completion. */
export const completeApps: Make = (context) =>
  command('complete:apps', 'print app names, one a line; shell completion calls this').action(async () => {
    for (const { name } of await context.api.list<App>('/apps')) context.out(name)
  })
