# Shell integration of trace for bash 4.4 or later (microseconds from 5.0), printed by `trace init bash`.
# Never touched: history settings, the DEBUG trap, an EXIT trap of yours, key bindings, BASH_REMATCH.
if [[ $- == *i* && ${__trace_on-} != "$$" ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) && shopt -q promptvars; then
  __trace_on=$$ __trace_x=x __trace_n=0 __trace_seen=0 __trace_done=0 __trace_t0=0 __trace_s0=0 __trace_due=0
  __trace_us=$'\x1f' __trace_h= __trace_text= __trace_arg= __trace_pwd= __trace_journal= __trace_epoch=
  __trace_parent=${TRACE_SHELL_SESSION-}
  unset -v __trace_journals; declare -gA __trace_journals=()

  # A UUIDv7, minted without a fork.
  __trace_ms=${EPOCHREALTIME-}; __trace_ms=${__trace_ms//[!0-9]/}; __trace_ms=${__trace_ms%???}
  [[ -n $__trace_ms ]] || printf -v __trace_ms '%(%s)T000' -1
  printf -v TRACE_SHELL_SESSION '%08x-%04x-7%03x-%04x-%04x%04x%04x' "$((__trace_ms >> 16))" "$((__trace_ms & 65535))" \
    "$((RANDOM & 4095))" "$((RANDOM & 16383 | 32768))" "$((RANDOM << 1 | RANDOM & 1))" "$((RANDOM << 1 | RANDOM & 1))" \
    "$((RANDOM << 1 | RANDOM & 1))"
  export TRACE_SHELL_SESSION
  __trace_scratch=; [[ -O ${XDG_RUNTIME_DIR-} && -w ${XDG_RUNTIME_DIR-} ]] && __trace_scratch=$XDG_RUNTIME_DIR/trace-$TRACE_SHELL_SESSION

  # Expanded once for each accepted line, in this shell: "the counter moved" means "a command ran".
  # It prints nothing and forks nothing, and an empty line or a comment does not move it. It has no
  # `!`: in POSIX mode a prompt would put the history number there.
  __trace_ps0='${__trace_x:$((__trace_n++,__trace_s0=SECONDS,0)):0}'
  [[ -z ${EPOCHREALTIME-} ]] ||
    __trace_ps0='${__trace_x:$((__trace_n++,__trace_t0=${EPOCHREALTIME//[^0-9]/}+0,__trace_s0=SECONDS,0)):0}'

  # Sets __trace_journal for the directory: the file to append to, or nothing.
  __trace_where() {
    local d=$PWD e=
    [[ -z ${TRACE_OFF-} ]] || { __trace_journal=; return 0; }
    { read -r e <"${XDG_STATE_HOME:-${HOME-}/.local/state}/trace/epoch"; } 2>/dev/null || :
    [[ $e == "$__trace_epoch" ]] || { __trace_epoch=$e; __trace_journals=(); }
    while [[ -n $d && ! -e $d/.git ]]; do d=${d%/*}; done
    [[ -n $d ]] || { __trace_journal=; return 0; }
    if [[ -z ${__trace_journals[$d]+x} || (-n ${__trace_journals[$d]} && ! -w ${__trace_journals[$d]}) ]]; then
      __trace_journals[$d]=$(command git-trace hook shell-open bash "$$" "$d" "$__trace_parent" </dev/null 2>/dev/null) || :
    fi
    __trace_journal=${__trace_journals[$d]}
  }

  # Sets __trace_now to the newest history entry, the one source of the text that needs no trap.
  __trace_history() {
    __trace_now=
    if [[ -n $__trace_scratch ]]; then
      { HISTTIMEFORMAT= builtin history 1 >|"$__trace_scratch"; IFS= read -r -d '' __trace_now <"$__trace_scratch"; : >|"$__trace_scratch"; } 2>/dev/null || :
    else
      __trace_now=$(HISTTIMEFORMAT= builtin history 1)
    fi
    # One newline is the builtin's, a second one is that of a here-document's end.
    __trace_now=${__trace_now%$'\n'} __trace_now=${__trace_now%$'\n'} __trace_now=${__trace_now#*[0-9][* ] }
  }

  __trace_flush() { __trace_due=0; (command git-trace hook shell-flush "$1" </dev/null >/dev/null 2>&1 &); }
  __trace_end() { __trace_h=; [[ ! -o history ]] || __trace_h=$HISTCMD; }
  # Waited for, because the terminal's end would take a background process along; the program
  # leaves a child of its own behind and returns.
  __trace_exit() {
    [[ -z $__trace_scratch ]] || command rm -f -- "$__trace_scratch"
    [[ -z $__trace_journal ]] || command git-trace hook shell-flush "$__trace_journal"
  } </dev/null >/dev/null 2>&1

  # The line added no history entry: empties __trace_now if it was hidden, sets f if it may be a repeat.
  __trace_no_entry() {
    case ${HISTCONTROL-}:${HISTIGNORE-} in
      *ignoreboth*:* | *ignorespace*dups*:* | *dups*ignorespace*:* | *dups*:?*)
        if [[ $arg == "$__trace_arg" ]]; then f=u; else __trace_now=; fi ;;
      *dups*:) f=r ;;
      *) __trace_now= ;;
    esac
  }

  # Appends the record $1 of the text $2, or has the binary do so where a builtin write may tear
  # (over 4096 bytes: 1000 characters stay below, in any locale) or the text may hold a secret.
  __trace_write() {
    local plain=
    if ((${#1} <= 1000)) && [[ -w $j && $cwd$PWD != *"$__trace_us"* ]]; then
      case $2 in
        @SCREEN@) ;;
        *) plain=1 ;;
      esac
    fi
    [[ -n $plain ]] && { printf '\0%s\0' "$1" >>"$j"; } 2>/dev/null ||
      (printf '\0%s\0' "$1" 2>/dev/null | command git-trace hook shell-event "$j" >/dev/null 2>&1 &)
  }

  # First in PROMPT_COMMAND: the first statement overwrites all it reads, so it reads them at once.
  __trace_prompt() {
    local rc=$? arg=$_ ps=("${PIPESTATUS[@]}") t1=${EPOCHREALTIME-}
    [[ $- != *x* ]] || { local -; set +x; } 2>/dev/null
    local IFS=' ' us=$__trace_us t0=$__trace_t0 cwd=$__trace_pwd j=$__trace_journal f= __trace_now=
    t1=${t1//[!0-9]/}
    [[ ${PS0-} == *__trace_n++* ]] || PS0=$__trace_ps0${PS0-}
    if ((__trace_n != __trace_seen)) && [[ -n $j && -n $__trace_h && -o history ]]; then
      __trace_history
      if ((HISTCMD == __trace_h)) && [[ ${HISTCONTROL-} != *erasedups* || $__trace_now == "$__trace_text" ]]; then
        __trace_no_entry
      else
        __trace_arg=$arg
      fi
      if [[ -n $__trace_now && $__trace_now != @(' '|TRACE_OFF=[![:space:]])* ]]; then
        __trace_text=$__trace_now
        [[ -n $t1 ]] || { printf -v t1 '%(%s)T000000' -1; t0=$((t1 - (SECONDS - __trace_s0) * 1000000)); f+=s; }
        __trace_write "1${us}C${us}$__trace_n$us$t0$us$t1$us$rc$us${ps[*]}$us$f$us$cwd$us$PWD$us$__trace_now" "$__trace_now"
        ((__trace_due)) || __trace_due=${t1%??????}
        ((++__trace_done % 10 && ${t1%??????} - __trace_due < 30)) || __trace_flush "$j"
        # The binary answers with the next file.
        ((__trace_done % 500)) || __trace_journals=()
      fi
    fi
    __trace_seen=$__trace_n
    __trace_end
    __trace_where
    __trace_pwd=$PWD
    return "$rc"
  }
#{ guard

  # Before a command, in the subshell of PS0: saves the files if the text looks destructive, and
  # writes the started half, which costs no second fork.
  __trace_danger='@DANGER@'
  __trace_guard() {
    local IFS=' ' us=$__trace_us j=$__trace_journal t0=${EPOCHREALTIME-} f= rec text __trace_now=
    t0=${t0//[!0-9]/}
    [[ -o history ]] || return 0
    [[ -n $t0 ]] || { printf -v t0 '%(%s)T000000' -1; f=s; }
    __trace_history
    text=${__trace_now//> \/dev\/null/} text=${text//>\/dev\/null/}
    [[ $text =~ $__trace_danger ]] && command git-trace hook shell-guard "$j" </dev/null >/dev/null 2>&1
    [[ -n $__trace_h && $HISTCMD != "$__trace_h" && -n $__trace_now && $__trace_now != @(' '|TRACE_OFF=[![:space:]])* && $PWD != *"$us"* ]] || return 0
    case $__trace_now in
      @SCREEN@) return 0 ;;
    esac
    rec="1${us}S${us}$((__trace_n + 1))$us$t0$us$us$us$us$f$us$PWD$us$us$__trace_now"
    ((${#rec} > 1000)) || { [[ -w $j ]] && printf '\0%s\0' "$rec" >>"$j"; } 2>/dev/null
  }
  __trace_ps0='${__trace_journal:+$(__trace_guard)}'$__trace_ps0
#}

  PS0=$__trace_ps0${PS0-}
  [[ -n $(trap -p EXIT) ]] || trap __trace_exit EXIT
  if [[ -n ${bash_preexec_imported:-${__bp_imported-}} ]]; then
    precmd_functions+=(__trace_prompt)
  elif ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)) && [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
    PROMPT_COMMAND=(__trace_prompt "${PROMPT_COMMAND[@]}" __trace_end)
  else
    PROMPT_COMMAND=__trace_prompt$'\n'${PROMPT_COMMAND:+$PROMPT_COMMAND$'\n'}__trace_end
  fi
fi
