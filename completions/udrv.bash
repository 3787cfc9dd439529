# Completion of udrv for bash 4.3 and later. `udrv completion bash` prints it with the grammar of the command line.

# Sets what may follow on the path of commands $1: commands, options, values by option (an option that takes its value
# behind `=` alone has its key end in `=`), the kinds of the arguments, and whether the last one repeats.
_udrv_grammar() {
  commands=() options=() values=() arguments=() repeats=
GLOBALS
  case $1 in
COMMANDS
  esac
}

_udrv() {
  local current path= word option= quote= typed replaced= before= repeats
  local -i i position=0 literal=0
  local -a words commands options arguments
  local -A values
  COMPREPLY=()
  _udrv_words
  typed=${words[-1]}
  [[ $typed == [\"\']* ]] && quote=1
  # Quotes are taken off, and nothing is expanded.
  words=("${words[@]//[\\\"\']/}")
  current=${words[-1]}

  _udrv_grammar ''
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    word=${words[i]}
    if [[ -n $option ]]; then
      option=
    elif ((literal == 0)) && [[ $word == -- ]]; then
      literal=1
    elif ((literal == 0)) && [[ $word == -?* ]]; then
      [[ -n ${values[$word]+set} ]] && option=$word
    elif ((position == 0 && ${#commands[@]} > 0)); then
      [[ $word == help ]] && continue
      path+=" $word"
      _udrv_grammar "$path"
    else
      position+=1
    fi
  done

  # Readline replaces what stands behind the last character of COMP_WORDBREAKS; an @ belongs to what it replaces.
  if [[ -z $quote ]]; then
    for ((i = ${#current}; i > 0; i--)); do
      [[ $COMP_WORDBREAKS == *"${current:i-1:1}"* ]] || continue
      replaced=${current:0:i}
      replaced=${replaced%@}
      break
    done
  fi

  if [[ -n $option ]]; then
    _udrv_values "${values[$option]}"
  elif ((literal == 0)) && [[ $current == --*=* ]]; then
    option=${current%%=*}
    before=$option=
    current=${current#*=}
    _udrv_values "${values[$option]-${values[$option=]-}}"
  elif ((literal == 0)) && [[ $current == -* ]]; then
    _udrv_offer "${options[@]}"
  elif ((position == 0 && ${#commands[@]} > 0)); then
    _udrv_offer "${commands[@]}"
  elif ((position < ${#arguments[@]})); then
    _udrv_values "${arguments[position]}"
  elif [[ -n $repeats ]]; then
    _udrv_values "${arguments[-1]}"
  fi
  COMPREPLY=("${COMPREPLY[@]#"$replaced"}")
}

# Sets words to those up to the cursor. Bash has cut them at COMP_WORDBREAKS too: the pieces of 0000:00:03.0 are joined.
_udrv_words() {
  local line=${COMP_LINE:0:COMP_POINT} piece blank
  words=()
  for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    blank=${line%%[![:space:]]*}
    line=${line#"$blank"}
    # The cursor is in it.
    [[ $line == "$piece"* ]] || piece=$line
    line=${line#"$piece"}
    if [[ -n $blank || ${#words[@]} -eq 0 ]]; then words+=("$piece"); else words[-1]+=$piece; fi
  done
}

# Offers values of a kind: a list of words, or a name with a colon before it.
_udrv_values() {
  local candidate
  local -a found
  case $1 in
    '' | :none) ;;
    :file) _udrv_files -f ;;
    :directory) _udrv_files -d ;;
    :data)
      [[ $current == @* ]] || return
      before+=@
      current=${current#@}
      _udrv_files -f
      ;;
    :live)
      # Compared as text: `compgen -W` would expand what it is given.
      while IFS=$'\t' read -r candidate _; do found+=("$candidate"); done < <(_udrv_live)
      _udrv_offer "${found[@]}"
      ;;
    *)
      read -ra found <<<"$1"
      _udrv_offer "${found[@]}"
      ;;
  esac
}

_udrv_offer() {
  local candidate
  for candidate; do
    [[ $candidate == "$current"* ]] && COMPREPLY+=("$before$candidate")
  done
}

_udrv_files() {
  local file
  compopt -o filenames
  while IFS= read -r file; do
    # Readline knows a directory only where the name begins the word.
    if [[ $before == *@ && -d $file ]]; then
      file+=/
      compopt -o nospace
    fi
    COMPREPLY+=("$before$file")
  done < <(compgen "$1" -- "$current")
}

# Asks udrv for what the words before the cursor leave open: devices, regions, endpoints, drivers.
_udrv_live() {
  local IFS=$'\n'
  command "${words[0]/#\~\//$HOME/}" completion bash --line "${words[*]:1:${#words[@]}-2}" </dev/null 2>/dev/null
}

complete -F _udrv udrv
