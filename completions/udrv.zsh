#compdef udrv
# Completion of udrv for zsh. `udrv completion zsh` prints it with the grammar of the command line.

_udrv() {
  # Quotes are taken off, and nothing is expanded.
  local -a udrv_words=("${(@Q)words[1,CURRENT-1]}")
  _udrv_command
}

# Completes what follows on the path of commands $1.
_udrv_command() {
  local curcontext=$curcontext state ret=1
  local -a line commands specs
  local -A opt_args
GLOBALS
  case $1 in
COMMANDS
  esac
  if (( $#commands == 0 )); then
    _arguments -s -S $specs
    return
  fi
  _arguments -C -s -S $specs '1: :->command' '*:: :->more' && ret=0
  case $state in
    command)
      _describe -t commands command commands && ret=0
      ;;
    more)
      if [[ $line[1] == help ]]; then _udrv_command "$1"; else _udrv_command "$1 $line[1]"; fi
      ret=$?
      ;;
  esac
  return ret
}

# Asks udrv for what the words before the cursor leave open: devices, regions, endpoints, drivers.
_udrv_live() {
  local program=${udrv_words[1]/#\~\//$HOME/} text
  local -a found
  for text in ${(f)"$(command $program completion zsh --line "${(F)udrv_words[2,-1]}" </dev/null 2>/dev/null)"}; do
    # A colon ends the candidate in what _describe takes.
    found+=("${${text%%$'\t'*}//:/\\:}:${${text#*$'\t'}//\\/\\\\}")
  done
  _describe -t values value found
}

_udrv_data() {
  if compset -P @; then _files; else _message 'hex digits, @FILE, or - for standard input'; fi
}

if [[ $funcstack[1] == _udrv ]]; then _udrv "$@"; else compdef _udrv udrv; fi
