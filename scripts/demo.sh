#!/bin/sh
# The article in one minute: service A calls service B directly, then through a sidecar.
set -eu
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

bold='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi

# step COMMAND...: show a command as one would type it, then run it.
step() {
    printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}

cat <<'END'
Service A calls service B directly, and B fails 20 % of its requests. What do A's clients see?
END
step lab up direct
step lab load -n 1000

cat <<'END'

Every failure of B was one of A. Now A gets a sidecar: Envoy, in A's own pod, which tries what
failed up to 2 times more. A's code stays as it is. Three failures in a row are left:
0.2 × 0.2 × 0.2, or 0.8 %.
END
step lab up sidecar
step lab load -n 1000

cat <<'END'

The lab is still up. See for yourself:
  curl http://127.0.0.1:8080               one request
  .venv/bin/lab show sidecar               the scenario, and the podman commands it stands for
  .venv/bin/lab logs -f service-a-envoy    what the sidecar does
  .venv/bin/lab down                       remove it all
Both runs are in the graphs that `lab up` has linked.
END
