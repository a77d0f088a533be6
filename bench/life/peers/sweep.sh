#!/bin/sh
# Removes whatever any of the peers has left, after a run that did not come to its end.
set -u
podman pod rm -f -i -t 0 bench-service-a-pod bench-service-b-pod bench-prometheus-pod
podman rm -f -i -t 0 bench-envoy-prom
podman ps -aq --filter label=io.podman.compose.project=bench | xargs -r podman rm -f -i -t 0
podman network exists bench-kube && podman network rm -f bench-kube
podman network exists bench_mesh && podman network rm -f bench_mesh
exit 0
