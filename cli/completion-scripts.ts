import type { Entry } from './entry.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

/** For a shell's single quotes. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** What `dozen completion` prints; names and summaries are written into it, apps and options are asked for as they are needed. */
export const SCRIPTS: Record<Shell, (visible: readonly Entry[]) => string> = {
  // ":" is a word break for bash: names are matched against the whole word, and what stands before the last ":" is cut off again.
  bash: (visible) => `_dozen() {
  local line="\${COMP_LINE:0:COMP_POINT}" word previous name
  word="\${line##* }"
  previous="\${line% *}" previous="\${previous##* }"
  name="\${line#* }" name="\${name%% *}"
  COMPREPLY=()
  if [[ $previous == -a || $previous == --app ]]; then
    COMPREPLY=($(compgen -W "$(dozen complete:apps 2>/dev/null)" -- "$word"))
  elif [[ $previous == dozen || $previous == help ]]; then
    COMPREPLY=($(compgen -W ${quoted(visible.map(({ name }) => name).join(' '))} -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$(dozen complete:options "$name" 2>/dev/null | cut -f1)" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
  if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${word%:*}:"}")
  fi
}
complete -o default -F _dozen dozen`,
  zsh: (visible) => `#compdef dozen
_dozen() {
  local -a names
  if [[ $words[CURRENT-1] == (-a|--app) ]]; then
    names=(\${(f)"$(dozen complete:apps 2>/dev/null)"})
    compadd -a names
  elif (( CURRENT == 2 )) || [[ $words[CURRENT-1] == help ]]; then
    names=(
${visible.map(({ name, summary }) => `      ${quoted(`${name.replaceAll(':', '\\:')}:${summary}`)}`).join('\n')}
    )
    _describe command names
  elif [[ $words[CURRENT] == -* ]]; then
    names=(\${(f)"$(dozen complete:options $words[2] 2>/dev/null | sed -e 's/:/\\\\:/g' -e $'s/\\t/:/')"})
    _describe option names
  else
    _files
  fi
}
compdef _dozen dozen`,
  fish: (visible) =>
    [
      'complete -c dozen -f',
      "complete -c dozen -s a -l app -x -d 'app to act on' -a '(dozen complete:apps 2>/dev/null)'",
      "complete -c dozen -n 'string match -q -- \"-*\" (commandline -ct)' -a '(dozen complete:options (commandline -opc)[2] 2>/dev/null)'",
      ...visible.map(
        ({ name, summary }) =>
          `complete -c dozen -n '__fish_use_subcommand; or __fish_seen_subcommand_from help' -a ${quoted(name)} -d ${quoted(summary)}`,
      ),
    ].join('\n'),
}
