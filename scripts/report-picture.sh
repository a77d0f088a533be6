#!/bin/sh
# Draw docs/img/report.png: the head of a report on both scenarios and on a sweep. Needs Chromium,
# and a lab that may be taken over.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

picture=docs/img/report.png
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export XDG_STATE_HOME="$place"

lab() { .venv/bin/lab "$@" -q; }

lab sweep --concurrency 1,2,4,8,16,64 --max-retries 3,1024 >/dev/null
for scenario in direct sidecar; do
    lab up "$scenario" >/dev/null
    lab load >/dev/null
done
.venv/bin/lab report -o "$place/report.html"

# It keeps a profile in the home directory otherwise.
chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
    --user-data-dir="$place/profile" --window-size=1000,2125 \
    --screenshot="$place/report.png" "file://$place/report.html" >/dev/null 2>&1 ||
    die "chromium did not draw the report: scripts/system-packages.sh tests installs it"
mv "$place/report.png" "$picture"
say "$picture has $(($(wc -c <"$picture") / 1000)) kB"
