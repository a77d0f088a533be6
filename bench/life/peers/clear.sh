#!/bin/sh
# Removes what the article's steps made, where that is not what is measured. Killed first, as podman
# otherwise waits for one container of a pod after the other. What `--rm` removes at the same
# time may be gone already, or just about to go: hence the second try.
set -eu
podman pod kill bench-service-a-pod bench-service-b-pod
podman rm -f -i -t 0 bench-envoy-prom
podman pod rm -f -i -t 0 bench-service-a-pod bench-service-b-pod ||
    podman pod rm -f -i -t 0 bench-service-a-pod bench-service-b-pod
