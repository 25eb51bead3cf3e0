import { command, type Make } from '../../command.ts'
import { versionLine } from '../../version.ts'

export const version: Make = (context) => command('version', 'print the version').action(() => context.out(versionLine()))
