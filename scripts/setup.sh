#!/bin/sh
# Set up a bare machine: system packages, then .venv. Safe to repeat; quick when all is there.
set -eu
cd "$(dirname "$0")/.."
rm -f build/setup.log
scripts/system-packages.sh
scripts/venv.sh
