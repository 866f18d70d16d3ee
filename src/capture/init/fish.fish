# Shell integration of trace for fish 3.4 or later, printed by `trace init fish`.
# fish has no clock, and its own appends are whole to 512 bytes only, so the binary writes the record.
if status is-interactive; and not set -q __trace_on
    set -g __trace_on 1
    set -g __trace_seq 0
    set -g __trace_cwd
    set -g __trace_journal
    set -g __trace_roots
    set -g __trace_journals
    set -g __trace_epoch
    set -g __trace_parent $TRACE_SHELL_SESSION
    # A UUIDv7; its clock is the one spawn at the start.
    set -g __trace_ms (math (command date +%s) x 1000 + (random 0 999))
    set -gx TRACE_SHELL_SESSION (printf '%08x-%04x-7%03x-%04x-%04x%04x%04x' (math "floor($__trace_ms / 65536)") (math "$__trace_ms % 65536") (random 0 4095) (random 32768 49151) (random 0 65535) (random 0 65535) (random 0 65535))

    # fish tells of a missing program whatever its output is sent to, so look for it first.
    function __trace_call
        command -q git-trace; and command git-trace hook $argv </dev/null 2>/dev/null
    end

    # Sets __trace_journal for the directory: the file to append to, or nothing.
    function __trace_where --on-event fish_prompt
        set -g __trace_journal
        test -z "$TRACE_OFF" -a -z "$fish_private_mode"; or return 0
        set -l file $HOME/.local/state/trace/epoch
        test -n "$XDG_STATE_HOME"; and set file $XDG_STATE_HOME/trace/epoch
        set -l epoch
        test -r $file; and read epoch <$file
        if test "$epoch" != "$__trace_epoch"
            set -g __trace_epoch $epoch
            set -g __trace_roots
            set -g __trace_journals
        end
        set -l root $PWD
        while test -n "$root"; and not test -e "$root/.git"
            set root (string replace -r '/[^/]*$' '' -- $root)
        end
        test -n "$root"; or return 0
        set -l at (contains -i -- $root $__trace_roots)
        if test -n "$at"; and test -n "$__trace_journals[$at]"; and not test -w "$__trace_journals[$at]"
            set -e __trace_roots[$at]
            set -e __trace_journals[$at]
            set at
        end
        if test -z "$at"
            set -l journal (__trace_call shell-open fish $fish_pid $root "$__trace_parent")
            set -a __trace_roots $root
            set -a __trace_journals "$journal"
            set at -1
        end
        set -g __trace_journal $__trace_journals[$at]
    end

    function __trace_preexec --on-event fish_preexec
        set -g __trace_cwd
        test -n "$__trace_journal"; or return 0
#{ guard
        set -l text (string replace -ra -- '> ?/dev/null' '' $argv[1] | string collect)
        string match -qr -- $__trace_danger $text; and __trace_call shell-guard $__trace_journal >/dev/null
#}
        set -g __trace_cwd $PWD
    end
#{ guard
    set -g __trace_danger '@DANGER@'
#}

    # The text travels in the environment of one process, which takes 128 KiB: hence the cut.
    # Detached ends may arrive out of order: the number decides.
    function __trace_postexec --on-event fish_postexec
        set -l rc $status
        set -l pipe $pipestatus
        test -n "$__trace_journal" -a -n "$__trace_cwd"; or return 0
        string match -qr '^(\s|TRACE_OFF=\S)' -- $argv[1]; and return 0
        command -q git-trace; or return 0
        set -l flags
        test (string length -- $argv[1]) -gt 30000; and set flags t
        set -g __trace_seq (math $__trace_seq + 1)
        TRACE_CMD=(string sub -l 30000 -- $argv[1] | string collect) command git-trace hook shell-event $__trace_journal --seq $__trace_seq --exit $rc --pipe "$pipe" --flags "$flags" --dur-ms $CMD_DURATION --cwd $__trace_cwd --cwd-after $PWD </dev/null >/dev/null 2>&1 &
        disown 2>/dev/null
        if test (math $__trace_seq % 10) -eq 0
            command git-trace hook shell-flush $__trace_journal </dev/null >/dev/null 2>&1 &
            disown 2>/dev/null
        end
        # The binary answers with the next file.
        if test (math $__trace_seq % 500) -eq 0
            set -g __trace_roots
            set -g __trace_journals
        end
    end

    # A background job never starts here, so this one is waited for; it returns at once.
    function __trace_exit --on-event fish_exit
        test -n "$__trace_journal"; and __trace_call shell-flush $__trace_journal >/dev/null
    end
end
