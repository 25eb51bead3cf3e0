import { command, type Make } from '../../command.ts'
import { version as current } from '../../version.ts'

export const version: Make = (context) =>
  command('version', 'print the version').action(() =>
    context.out(`dozen/${current()} ${process.platform}-${process.arch} node-${process.version}`),
  )
