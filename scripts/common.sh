# shellcheck shell=sh
# Shared by the other scripts, which source it from the project's root.

LOG=build/setup.log

# say TEXT: one line of progress.
say() { printf '==> %s\n' "$*" >&2; }

# die TEXT: one sentence about what is wrong, and the end.
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# run TEXT COMMAND...: announce TEXT, keep COMMAND's output in the log; if it fails, show the
# log's tail and end.
run() {
    say "$1"
    shift
    mkdir -p "${LOG%/*}"
    printf '$ %s\n' "$*" >>"$LOG"
    "$@" >>"$LOG" 2>&1 && return
    tail -n 20 "$LOG" >&2
    die "this failed: $* (all of its output is in $LOG)"
}

# find_python: print the interpreter to use, python3 if it is recent enough, else the newest
# other one; fail if there is none. Each is run, not just looked up: version managers put
# names on PATH for versions that are not active.
find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    return 1
}
