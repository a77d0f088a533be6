# shellcheck shell=sh
# Sourced by the article's steps: where a pod is, as the article asks podman.
pod_ip() {
    podman inspect -f '{{.NetworkSettings.Networks.podman.IPAddress}}' \
        "$(podman pod inspect -f '{{.InfraContainerID}}' "$1")"
}
