#!/bin/sh
# The article has no steps for the end; these are the shortest that remove what it made.
set -eu
podman rm -f -t 0 bench-envoy-prom
podman pod rm -f -t 0 bench-service-a-pod bench-service-b-pod
