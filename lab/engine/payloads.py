"""From the parts of a spec to the JSON that libpod's create calls take. Pure.

The JSON is podman's own SpecGenerator, sent as it is: podman-py's keyword arguments lose some
of it in silence (health checks, no_new_privileges, limits).
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lab.converge.observed import CONFIDED, FINGERPRINT, RECORD
from lab.engine.ownership import labels, member
from lab.topology.values import SECRETS

if TYPE_CHECKING:
    from lab.converge.plan import RecordSpec
    from lab.topology.spec import (
        ContainerSpec,
        MountSpec,
        NetworkSpec,
        PodSpec,
        SecretSpec,
        VolumeSpec,
    )

READABLE = 0o444
"""By whoever a container runs as, and nobody else sees its files."""
TMPFS_SIZE = "size=16m"
LOG = {"driver": "k8s-file", "size": 10 * 1024 * 1024}
"""A file that begins anew when it has this many bytes; journald would not look at the size."""
UNPRIVILEGED_PORTS = {"net.ipv4.ip_unprivileged_port_start": "0"}
"""Lets a process without any capability listen on port 80 of its own pod."""


EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared, never bound


def network(lab: str, spec: NetworkSpec, *, isolate: bool) -> dict[str, Any]:
    """Body of ``POST /networks/create``. Names come from host mappings, so there is no DNS.

    The bridge has a name of its own: podman's (podman1 ...) are free again while nothing runs on
    a network, and another podman on this host that keeps its networks elsewhere may take them.
    """
    return {
        "name": spec.name,
        "driver": "bridge",
        "network_interface": bridge(spec.name),
        "dns_enabled": False,
        "labels": labels(lab, spec.name, spec.digest),
        "subnets": [{"subnet": spec.subnet, "gateway": spec.gateway}],
        # From other networks that ask for the same, where lab sets no rules (firewall.py): it takes
        # netavark more runs of iptables for every pod.
        "options": {"isolate": "true"} if isolate else {},
    }


def bridge(network: str) -> str:
    """The name of a network's bridge on the host."""
    return f"lab-{hashlib.sha256(network.encode()).hexdigest()[:8]}"


def volume(lab: str, spec: VolumeSpec) -> dict[str, Any]:
    """Body of ``POST /volumes/create`` for a data volume."""
    return {"Name": spec.name, "Labels": labels(lab, spec.name)}


def record(lab: str, spec: RecordSpec) -> dict[str, Any]:
    """Body of ``POST /volumes/create`` for a record."""
    return {"Name": spec.name, "Labels": labels(lab, spec.name) | {RECORD: spec.spec}}


def secret(lab: str, spec: SecretSpec, fingerprint: str) -> dict[str, str]:
    """Parameters of ``POST /secrets/create``, whose body is the value."""
    own = {CONFIDED: spec.parameter, FINGERPRINT: fingerprint}
    return {"name": spec.name, "labels": json.dumps(labels(lab, spec.name) | own)}


def pod(lab: str, spec: PodSpec) -> dict[str, Any]:
    """Body of ``POST /pods/create``.

    The pod outlives its containers (``exit_policy``), so that a killed container can be
    started again without losing the pod's address.
    """
    return {
        "name": spec.name,
        "infra_name": spec.infra,
        "hostname": spec.name,
        "labels": labels(lab, spec.name, spec.shell_digest),
        "hostadd": [
            f"{name}:{address}" for name, addresses in spec.hosts.items() for address in addresses
        ],
        "netns": {"nsmode": "bridge"},
        "Networks": {
            spec.network: {
                "static_ips": [spec.address],
                "static_mac": spec.hardware_address,
            }
        },
        "portmappings": [
            {
                # Spelt out, netavark before 1.5 forwards nothing (podman's own -p drops it, too).
                "host_ip": "" if port.host_ip == EVERY_ADDRESS else port.host_ip,
                "host_port": port.published,
                "container_port": port.target,
                "protocol": "tcp",
            }
            for port in spec.ports
        ],
        "sysctl": UNPRIVILEGED_PORTS,
        # For the infra container: podman lets nothing more be taken from it.
        "security_opt": ["no-new-privileges"],
        "shared_namespaces": ["net", "ipc", "uts"],
        "exit_policy": "continue",
    }


def container(lab: str, pod_id: str, spec: ContainerSpec, *, limits: bool) -> dict[str, Any]:
    """Body of ``POST /containers/create``; ``limits`` is off where cgroups cannot enforce any."""
    body: dict[str, Any] = {
        "name": spec.name,
        "pod": pod_id,
        "image": spec.image,
        "labels": labels(lab, member(pod_id, spec.name), spec.digest),
        "env": spec.environment,
        "cap_drop": list(spec.cap_drop),
        "cap_add": list(spec.cap_add),
        "no_new_privileges": True,
        "log_configuration": LOG,
        "read_only_filesystem": spec.read_only,
        "stop_timeout": spec.stop_timeout,
        # A read-only root has no room for the files of secrets.
        "mounts": [_tmpfs(path) for path in (*spec.tmpfs, *((SECRETS,) if spec.secrets else ()))],
        "secrets": [
            {"Source": secret, "Target": file, "Mode": READABLE}
            for file, secret in spec.secrets.items()
        ],
        "volumes": [_mount(mount) for mount in spec.mounts],
    }
    if spec.command:
        body["command"] = list(spec.command)
    if spec.user:
        body["user"] = spec.user
    if limits:
        body["resource_limits"] = {
            "memory": {"limit": spec.memory},
            "pids": {"limit": spec.pids},
        }
    return body


def _mount(mount: MountSpec) -> dict[str, Any]:
    options = {"Options": ["ro"]} if mount.read_only else {}
    return {"Name": mount.volume, "Dest": mount.target, **options}


def _tmpfs(path: str) -> dict[str, Any]:
    return {
        "type": "tmpfs",
        "source": "tmpfs",
        "destination": path,
        "options": [TMPFS_SIZE, "mode=1777", "nosuid", "nodev", "noexec"],
    }
