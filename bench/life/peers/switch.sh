#!/bin/sh
# The article's steps from direct to sidecar: service A's pod goes and comes anew.
# `-f`: the pod's own container still runs, and podman removes no running pod without it.
set -eu
# shellcheck source=bench/life/peers/common.sh
. "$(dirname "$0")/common.sh"

POD_B_IP=$(pod_ip bench-service-b-pod)
podman kill bench-service-a
podman pod rm -f bench-service-a-pod

podman pod create --name bench-service-a-pod \
    --add-host b.local.service:127.0.0.1 --add-host "b.service:$POD_B_IP" \
    --publish "127.0.0.1:$PORT:80"
podman run --name bench-service-a -d --rm --pod bench-service-a-pod \
    -e SERVICE_HOST=127.0.0.1 -e SERVICE_PORT=8000 \
    -e UPSTREAM_SERVICE=http://b.local.service:9001 "$SERVICE_A"
podman run --name bench-service-a-envoy -d --rm --pod bench-service-a-pod "$SERVICE_A_ENVOY"
