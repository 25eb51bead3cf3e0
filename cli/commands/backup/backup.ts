import { command, type Make } from '../../command.ts'
import { UsageError } from '../../errors.ts'

/** bin/dozen.mjs starts the program for these on the machine itself; only what it would not understand arrives here. */
const here = (text: string) => () => {
  throw new UsageError(text)
}

export const backup: Make = () =>
  command('backup', 'write everything of this dozen to a file, while it runs')
    .argument('<file>', 'FILE gets apps, releases, repositories, logs and images; FILE.keys what opens their secrets')
    .option('--no-images', 'without the images: apps have to be pushed again after a restore')
    .addHelpText('after', '\nRuns on the machine of the platform, as the user it runs as; DOZEN_HOME says which.')
    .action(here('`dozen backup FILE` writes a backup.'))

export const restore: Make = () =>
  command('restore', 'bring a backup back into an empty DOZEN_HOME')
    .argument('<file>', 'what `dozen backup` wrote')
    .option('--keys <file>', 'where its keys are, if not in FILE.keys')
    .addHelpText('after', '\nRuns on the machine of the platform, before `dozen up`.')
    .action(here('`dozen restore FILE` brings a backup back.'))
