#!/bin/sh
# Renew the locks. Pins that still fit are kept, unless --upgrade is given.
set -eu
cd "$(dirname "$0")/.."

# compile INPUT OUTPUT OPTION...
compile() {
    input=$1 output=$2
    shift 2
    .venv/bin/uv pip compile -q --generate-hashes --no-emit-index-url \
        --custom-compile-command 'make lock' "$input" -o "$output" "$@"
}

compile pyproject.toml requirements/dev.txt --extra report --group dev --universal "$@"

# What `pipx install` is held to: versions alone, as pip takes no hashes for what a local wheel needs.
.venv/bin/uv pip compile -q --no-emit-index-url --custom-compile-command 'make lock' --no-annotate \
    pyproject.toml -o requirements/constraints.txt --universal --constraint requirements/dev.txt

# What goes into images, whose Python is this one whatever the host's is. Without comments: the
# file is part of what an image's tag is the hash of.
for input in */requirements.in; do
    compile "$input" "${input%.in}.txt" \
        --python-version 3.13 --python-platform linux --no-annotate --no-header "$@"
done
