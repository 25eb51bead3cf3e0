import { Argument } from 'commander'
import { command, type Make } from '../../command.ts'
import { SCRIPTS, type Shell } from '../../completion-scripts.ts'

/** A script for the shell; names and summaries are written into it, apps are asked for as they are needed. */
export const completion: Make = (context) =>
  command('completion', 'print a script that completes commands and app names in your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', USE)
    .action((shell: Shell) => context.out(SCRIPTS[shell](context.commands.filter(({ isHidden }) => !isHidden))))

const USE = `
bash:  echo 'eval "$(dozen completion bash)"' >> ~/.bashrc
zsh:   echo 'eval "$(dozen completion zsh)"' >> ~/.zshrc
fish:  dozen completion fish > ~/.config/fish/completions/dozen.fish`
