#!/bin/sh
# Stands in for the program: the same calls, the least that the scripts can live with.
# `$TRACE_STUB` holds `calls` (one line a call), `journal`, and `off` if the repository is not enabled.
printf '%s\n' "$*" >>"$TRACE_STUB/calls"
hook=$2 file=$3
shift 3
case $hook in
  shell-open)
    [ -e "$TRACE_STUB/off" ] && exit 0
    : >>"$TRACE_STUB/journal"
    printf '%s\n' "$TRACE_STUB/journal" ;;
  shell-event)
    if [ $# = 0 ]; then
      cat >"$TRACE_STUB/record.$$"
    else
      us=$(printf '\037')
      while [ $# -gt 0 ]; do
        case $1 in
          --seq) seq=$2 ;; --exit) rc=$2 ;; --pipe) pipe=$2 ;; --flags) flags=$2 ;; --dur-ms) dur=$2 ;;
          --cwd) cwd=$2 ;; --cwd-after) after=$2 ;;
          *) printf 'unknown flag %s\n' "$1" >>"$TRACE_STUB/calls" ;;
        esac
        shift 2
      done
      end=$(date +%s%6N)
      start=$((end - dur * 1000))
      printf '\0%s\0' "1${us}C${us}$seq${us}$start${us}$end${us}$rc${us}$pipe${us}$flags${us}$cwd${us}$after${us}$TRACE_CMD" >"$TRACE_STUB/record.$$"
    fi
    # One write, so that two of these cannot tear each other.
    dd if="$TRACE_STUB/record.$$" of="$file" bs=1M oflag=append conv=notrunc 2>/dev/null
    rm -f "$TRACE_STUB/record.$$" ;;
  shell-guard | shell-flush) ;;
esac
exit 0
