# What the scripts share. Sourced, not run.

# Says something that is not the result.
say() { printf '\n== %s\n' "$*" >&2; }

# Ends with a reason.
die() { printf '%s\n' "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command that hears every signal. What ignores one (a shell that puts work into the
# background, nohup) hands that on to all its children, and there are tests that press Ctrl-C.
hearing() {
    if env --default-signal true 2>/dev/null; then env --default-signal "$@"; else "$@"; fi
}

# Prints those of the given tools that are not there.
missing() {
    local tool
    for tool; do have "$tool" || printf '%s\n' "$tool"; done
}

# Installs the given tools where that is ours to do (Debian, root); says what stays missing.
# The packages have the tools' names.
want() {
    local lack
    lack=$(missing "$@" | xargs)
    [[ -n $lack ]] || return 0
    if have apt-get && [[ $(id -u) == 0 ]]; then
        say "installing $lack"
        # shellcheck disable=SC2086 # a list of packages
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lack; } \
            >/dev/null 2>&1 || true
        lack=$(missing "$@" | xargs)
    fi
    [[ -z $lack ]] || say "missing: $lack; what needs them is skipped"
}

# The tools without which nothing works.
require() {
    local lack
    lack=$(missing git cargo | xargs)
    [[ -z $lack ]] || die "missing: $lack (a Rust toolchain comes from https://rustup.rs)"
}
