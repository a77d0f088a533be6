#!/bin/sh
# The article's steps for service A behind its sidecar, from nothing.
set -eu
# shellcheck source=bench/life/peers/common.sh
. "$(dirname "$0")/common.sh"

podman pod create --name bench-service-b-pod
podman run --name bench-service-b -d --rm --pod bench-service-b-pod \
    -e ERROR_RATE=20 "$SERVICE_B"
POD_B_IP=$(pod_ip bench-service-b-pod)

podman pod create --name bench-service-a-pod \
    --add-host b.local.service:127.0.0.1 --add-host "b.service:$POD_B_IP" \
    --publish "127.0.0.1:$PORT:80"
podman run --name bench-service-a -d --rm --pod bench-service-a-pod \
    -e SERVICE_HOST=127.0.0.1 -e SERVICE_PORT=8000 \
    -e UPSTREAM_SERVICE=http://b.local.service:9001 "$SERVICE_A"
podman run --name bench-service-a-envoy -d --rm --pod bench-service-a-pod "$SERVICE_A_ENVOY"
POD_A_IP=$(pod_ip bench-service-a-pod)

podman run --name bench-envoy-prom -d --rm --publish "127.0.0.1:$PROMETHEUS_PORT:9090" \
    --add-host "a.service:$POD_A_IP" --add-host "b.service:$POD_B_IP" "$ENVOY_PROM"
