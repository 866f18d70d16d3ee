# Shell integration of trace for zsh 5.3 or later, printed by `trace init zsh`.
# Never touched: history settings, your own preexec and precmd (only the hook arrays), key bindings.
if [[ -o interactive && ${__trace_on-} != $$ ]] && autoload -Uz is-at-least add-zsh-hook && is-at-least 5.3 && zmodload zsh/datetime 2>/dev/null; then
  typeset -g __trace_on=$$ __trace_cmd= __trace_cwd= __trace_journal= __trace_epoch= __trace_parent=${TRACE_SHELL_SESSION-}
  typeset -gi __trace_seq=0 __trace_t0=0 __trace_due=0 __trace_ms=$(( EPOCHREALTIME * 1000 ))
  typeset -gA __trace_journals

  # A UUIDv7, minted without a fork.
  builtin printf -v TRACE_SHELL_SESSION '%08x-%04x-7%03x-%04x-%04x%04x%04x' "$(( __trace_ms >> 16 ))" "$(( __trace_ms & 65535 ))" \
    "$(( RANDOM & 4095 ))" "$(( RANDOM & 16383 | 32768 ))" "$(( RANDOM << 1 | RANDOM & 1 ))" "$(( RANDOM << 1 | RANDOM & 1 ))" \
    "$(( RANDOM << 1 | RANDOM & 1 ))"
  export TRACE_SHELL_SESSION

  # Sets __trace_journal for the directory: the file to append to, or nothing.
  __trace_where() {
    emulate -L zsh
    local d=$PWD e=
    [[ -z ${TRACE_OFF-} ]] || { __trace_journal=; return 0 }
    { builtin read -r e <"${XDG_STATE_HOME:-${HOME-}/.local/state}/trace/epoch" } 2>/dev/null
    [[ $e == "$__trace_epoch" ]] || { __trace_epoch=$e; __trace_journals=() }
    while [[ -n $d && ! -e $d/.git ]]; do d=${d%/*}; done
    [[ -n $d ]] || { __trace_journal=; return 0 }
    if (( ! ${+__trace_journals[$d]} )) || [[ -n ${__trace_journals[$d]} && ! -w ${__trace_journals[$d]} ]]; then
      __trace_journals[$d]=$(command git-trace hook shell-open zsh $$ "$d" "$__trace_parent" </dev/null 2>/dev/null)
    fi
    __trace_journal=${__trace_journals[$d]}
  }

  # Appends a record of the fields after the version, or has the binary do so where a builtin write
  # may tear (over 8192 bytes) or the text may hold a secret. Under noclobber only >>| makes a file.
  __trace_write() {
    emulate -L zsh
    setopt no_multibyte no_bg_nice no_monitor no_notify
    local rec=$'1\x1f'${(pj:\x1f:)@} plain=
    if (( ${#rec} <= 8000 )) && [[ -w $__trace_journal && ${argv[-2]}${argv[-3]} != *$'\x1f'* ]]; then
      case ${argv[-1]} in
        @SCREEN@) ;;
        *) plain=1 ;;
      esac
    fi
    if [[ -z $plain ]] || ! { builtin print -rn -- $'\0'"$rec"$'\0' >>|"$__trace_journal" } 2>/dev/null; then
      builtin print -rn -- $'\0'"$rec"$'\0' 2>/dev/null | command git-trace hook shell-event "$__trace_journal" >/dev/null 2>&1 &!
    fi
  }

  __trace_flush() {
    emulate -L zsh
    setopt no_bg_nice no_monitor no_notify
    __trace_due=0
    command git-trace hook shell-flush "$__trace_journal" </dev/null >/dev/null 2>&1 &!
  }

  # Waited for, because the terminal's end would take a background process along; the program
  # leaves a child of its own behind and returns. A subshell that exits runs zshexit too.
  __trace_exit() {
    emulate -L zsh
    (( ZSH_SUBSHELL )) || [[ -z $__trace_journal ]] || command git-trace hook shell-flush "$__trace_journal" </dev/null >/dev/null 2>&1
  }

  # $1 is the text as typed, $3 with its aliases resolved.
  __trace_preexec() {
    emulate -L zsh
    __trace_cmd=
    [[ -n $__trace_journal && -n $1 ]] || return 0
#{ guard
    local MATCH MBEGIN MEND text=${${3//> \/dev\/null/}//>\/dev\/null/}
    local -a match mbegin mend
    [[ $text =~ $__trace_danger ]] && command git-trace hook shell-guard "$__trace_journal" </dev/null >/dev/null 2>&1
#}
    [[ $1 == (' '|TRACE_OFF=[^ ])* ]] && return 0
    __trace_cmd=$1 __trace_cwd=$PWD __trace_t0=$(( EPOCHREALTIME * 1000000 ))
    __trace_write S $(( ++__trace_seq )) $__trace_t0 '' '' '' '' "$PWD" '' "$1"
  }
#{ guard
  typeset -g __trace_danger='@DANGER@'
#}

  # What preexec set is cleared here: an empty line must not repeat it.
  __trace_precmd() {
    local rc=$? ps="${(j: :)pipestatus[@]}"
    emulate -L zsh
    local -i t1=$(( EPOCHREALTIME * 1000000 ))
    if [[ -n $__trace_cmd ]]; then
      __trace_write C $__trace_seq $__trace_t0 $t1 $rc "$ps" '' "$__trace_cwd" "$PWD" "$__trace_cmd"
      __trace_cmd=
      (( __trace_due )) || __trace_due=EPOCHSECONDS
      (( __trace_seq % 10 && EPOCHSECONDS - __trace_due < 30 )) || __trace_flush
      # The binary answers with the next file.
      (( __trace_seq % 500 )) || __trace_journals=()
    fi
    __trace_where
  }
  add-zsh-hook preexec __trace_preexec
  add-zsh-hook precmd __trace_precmd
  add-zsh-hook zshexit __trace_exit
fi
