#!/bin/sh
# Make .venv: exactly the packages that requirements/dev.txt locks, and this project, editable.
# Does nothing while neither the lock nor pyproject.toml has changed.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

lock=requirements/dev.txt
stamp=.venv/stamp

# The folder's own name counts: a .venv does not survive being moved.
inputs=$(pwd && cat "$lock" pyproject.toml "$0" | sha256sum)

# -P, so that `lab` is found as installed rather than in the current folder. It is not, for
# example, after an upgrade of the system's Python.
if [ "$(cat "$stamp" 2>/dev/null)" = "$inputs" ] && .venv/bin/python -P -c 'import lab' 2>/dev/null
then
    exit
fi

python=$(find_python) || die "Python 3.11 or later is needed, and none was found"
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input install -q "$@"; }

run "Making .venv with $("$python" --version)" "$python" -m venv --clear .venv
run "Installing the locked packages into .venv" pip --require-hashes -r "$lock"
run "Installing lab into .venv" pip --no-deps --no-build-isolation -e .
printf '%s\n' "$inputs" >"$stamp"
