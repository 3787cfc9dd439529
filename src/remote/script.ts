/**
 * Returns the script that runs on a remote host, read from standard input by `sh -s`: a server that answers questions
 * about files, one a line, and ends with its input. It needs a POSIX shell, `cat` and `ls`, and changes nothing.
 *
 * | question | answer |
 * |---|---|
 * | `T PATH` | the content of a text attribute, read by the shell itself: a process for each would take most of the time |
 * | `F PATH` | the content of a file byte for byte, by `cat` |
 * | `D PATH` | the names in a directory, each followed by `/` and a newline: no name has a slash |
 * | `A PATH` | `rw`, `r` or `none` |
 * | `L PATH` | nothing, or why it is no link |
 * | `.` | the lines that `ls -ln` has of the links that were asked for since the last one |
 * | `P PATH` | nothing, or why it is not there |
 * | `,` | the lines that `ls -lnL` has of them, with mode and owner |
 *
 * Each answer ends with a newline, the mark, and the status: `OK`, `LATER`, an errno, or `?` and the message of `cat`.
 *
 * @param mark a random word, so that no file on the host can have an end of an answer in it
 */
export function serverScript(mark: string): string {
  return SERVER.replaceAll('MARK', mark);
}

const SERVER = `LC_ALL=C; export LC_ALL
say() { printf '\\nMARK %s\\n' "$1"; }
why() { m=$( { cat "$p" >/dev/null; } 2>&1 ) && say OK || say "? \${m##*: }"; }
lost() {
  d=\${p%/*}
  while [ -n "$d" ] && [ ! -e "$d" ]; do d=\${d%/*}; done
  if [ ! -d "$d/" ]; then say ENOTDIR
  elif [ -x "$d/" ]; then say ENOENT
  else say EACCES
  fi
}
text() {
  k=
  while IFS= read -r l; do printf '%s\\n' "$l"; k=1; done <"$p"
  [ -z "$l" ] || { printf %s "$l"; k=1; }
  if [ -n "$k" ]; then say OK; else why; fi
}
file() {
  if [ -d "$p" ]; then say EISDIR
  elif [ ! -e "$p" ]; then lost
  elif [ ! -f "$p" ] || [ ! -r "$p" ]; then say EACCES
  elif [ "$1" = T ]; then text
  elif m=$( { cat "$p" >&3; } 2>&1 ); then say OK
  else say "? \${m##*: }"
  fi 3>&1
}
list() {
  if [ ! -d "$p" ]; then
    if [ -e "$p" ]; then say ENOTDIR; else lost; fi
  elif [ ! -r "$p" ] || [ ! -x "$p" ]; then say EACCES
  else
    for f in "$p"/* "$p"/.[!.]* "$p"/..?*; do
      if [ -e "$f" ] || [ -L "$f" ]; then printf '%s/\\n' "\${f##*/}"; fi
    done
    say OK
  fi
}
access() {
  if [ ! -e "$p" ]; then lost
  elif [ ! -r "$p" ]; then say none
  elif [ -w "$p" ]; then say rw
  else say r
  fi
}
serve() {
  say READY
  set --
  while IFS= read -r q; do
    p=\${q#* }
    case $q in
      'T '*) file T ;;
      'F '*) file F ;;
      'D '*) list ;;
      'A '*) access ;;
      'P '*) if [ -e "$p" ]; then set -- "$@" "$p"; say LATER; else lost; fi ;;
      'L '*)
        if [ -L "$p" ]; then set -- "$@" "$p"; say LATER
        elif [ -e "$p" ]; then say EINVAL
        else lost
        fi ;;
      .) [ $# -eq 0 ] || ls -lnd "$@"; set --; say OK ;;
      ,) [ $# -eq 0 ] || ls -lnLd "$@"; set --; say OK ;;
    esac
  done
}
exec 2>/dev/null
serve
exit
`;
