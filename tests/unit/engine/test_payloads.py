"""The JSON that podman is given, whole: what is missing here is missing in the lab."""

from __future__ import annotations

import json

from msgspec.structs import replace

from lab.converge.plan import RecordSpec
from lab.engine import payloads
from lab.topology.spec import (
    ContainerSpec,
    MountSpec,
    NetworkSpec,
    PodSpec,
    PortSpec,
    SecretSpec,
    VolumeSpec,
)

NETWORK = NetworkSpec(name="lab", subnet="10.64.1.0/24", gateway="10.64.1.1")
POD = PodSpec(
    name="service-a-pod",
    network="lab",
    address="10.64.1.12",
    hosts={"b.local.service": ("127.0.0.1",), "b.service": ("10.64.1.10", "10.64.1.11")},
    ports=(PortSpec(name="service-a", host_ip="127.0.0.1", published=8080, target=80),),
    containers=(ContainerSpec(name="service-a", image="i"),),
)
CONTAINER = ContainerSpec(
    name="envoy-prom",
    image="localhost/lab/envoy-prom:0123",
    command=("serve", "--fast"),
    environment={"A": "1"},
    user="1000",
    mounts=(MountSpec(volume="lab-prometheus-data", target="/prometheus"),),
    secrets={"password": "lab-secret-password-01"},
    tmpfs=("/tmp",),  # noqa: S108 - inside the container
    memory=64 * 1024 * 1024,
    pids=100,
    stop_timeout=3,
)


def test_a_network() -> None:
    assert payloads.network("lab", NETWORK, isolate=True) == {
        "name": "lab",
        "driver": "bridge",
        "network_interface": "lab-a51146d3",
        "dns_enabled": False,
        "labels": {"lab.name": "lab", "lab.owner": "lab", "lab.digest": NETWORK.digest},
        "subnets": [{"subnet": "10.64.1.0/24", "gateway": "10.64.1.1"}],
        "options": {"isolate": "true"},
    }


def test_a_network_that_the_host_s_firewall_guards_is_not_isolated_once_more() -> None:
    assert payloads.network("lab", NETWORK, isolate=False)["options"] == {}


def test_a_volume() -> None:
    expected = {"Name": "data", "Labels": {"lab.name": "lab", "lab.owner": "data"}}
    assert payloads.volume("lab", VolumeSpec(name="data")) == expected


def test_a_record() -> None:
    assert payloads.record("lab", RecordSpec(name="r", spec='{"a":1}')) == {
        "Name": "r",
        "Labels": {"lab.name": "lab", "lab.owner": "r", "lab.spec": '{"a":1}'},
    }


def test_a_secret() -> None:
    spec = SecretSpec(name="lab-secret-password-01", parameter="password")
    found = payloads.secret("lab", spec, "0:1")
    assert found["name"] == "lab-secret-password-01"
    assert json.loads(found["labels"]) == {
        "lab.name": "lab",
        "lab.owner": "lab-secret-password-01",
        "lab.parameter": "password",
        "lab.fingerprint": "0:1",
    }


def test_a_pod() -> None:
    assert payloads.pod("lab", POD) == {
        "name": "service-a-pod",
        "infra_name": "service-a-pod-infra",
        "hostname": "service-a-pod",
        "labels": {
            "lab.name": "lab",
            "lab.owner": "service-a-pod",
            "lab.digest": POD.shell_digest,
        },
        "hostadd": ["b.local.service:127.0.0.1", "b.service:10.64.1.10", "b.service:10.64.1.11"],
        "netns": {"nsmode": "bridge"},
        "Networks": {"lab": {"static_ips": ["10.64.1.12"], "static_mac": "02:00:0a:40:01:0c"}},
        "portmappings": [
            {
                "host_ip": "127.0.0.1",
                "host_port": 8080,
                "container_port": 80,
                "protocol": "tcp",
            }
        ],
        "sysctl": {"net.ipv4.ip_unprivileged_port_start": "0"},
        "security_opt": ["no-new-privileges"],
        "shared_namespaces": ["net", "ipc", "uts"],
        "exit_policy": "continue",
    }


def test_a_container() -> None:
    assert payloads.container("lab", "p1", CONTAINER, limits=True) == {
        "name": "envoy-prom",
        "pod": "p1",
        "image": "localhost/lab/envoy-prom:0123",
        "labels": {
            "lab.name": "lab",
            "lab.owner": "p1/envoy-prom",
            "lab.digest": CONTAINER.digest,
        },
        "command": ["serve", "--fast"],
        "env": {"A": "1"},
        "user": "1000",
        "no_new_privileges": True,
        "cap_drop": ["all"],
        "cap_add": [],
        "log_configuration": {"driver": "k8s-file", "size": 10485760},
        "read_only_filesystem": True,
        "stop_timeout": 3,
        "mounts": [
            {
                "type": "tmpfs",
                "source": "tmpfs",
                "destination": "/tmp",  # noqa: S108 - inside the container
                "options": ["size=16m", "mode=1777", "nosuid", "nodev", "noexec"],
            },
            {
                "type": "tmpfs",
                "source": "tmpfs",
                "destination": "/run/secrets",
                "options": ["size=16m", "mode=1777", "nosuid", "nodev", "noexec"],
            },
        ],
        "secrets": [{"Source": "lab-secret-password-01", "Target": "password", "Mode": 0o444}],
        "volumes": [{"Name": "lab-prometheus-data", "Dest": "/prometheus"}],
        "resource_limits": {"memory": {"limit": 67108864}, "pids": {"limit": 100}},
    }


def test_a_volume_is_mounted_read_only_on_request() -> None:
    mount = MountSpec(volume="v", target="/v", read_only=True)
    body = payloads.container("lab", "p", replace(CONTAINER, mounts=(mount,)), limits=True)
    assert body["volumes"] == [{"Name": "v", "Dest": "/v", "Options": ["ro"]}]


def test_where_cgroups_enforce_no_limits_none_are_asked_for() -> None:
    assert "resource_limits" not in payloads.container("lab", "p", CONTAINER, limits=False)


def test_a_container_that_says_little_keeps_the_image_s_own_command_and_user() -> None:
    body = payloads.container("lab", "p", ContainerSpec(name="c", image="i"), limits=False)
    assert body.keys().isdisjoint({"command", "user"})


def test_capabilities_and_a_writable_root_are_left_on_request() -> None:
    spec = ContainerSpec(name="c", image="i", read_only=False, drop_capabilities=False)
    body = payloads.container("lab", "p", spec, limits=False)
    assert body["read_only_filesystem"] is False
    assert body["cap_drop"] == ["AUDIT_WRITE", "MKNOD", "NET_RAW"]


def test_a_capability_that_is_asked_for_is_added_and_not_dropped() -> None:
    spec = ContainerSpec(name="c", image="i", drop_capabilities=False, cap_add=("NET_RAW",))
    body = payloads.container("lab", "p", spec, limits=False)
    assert (body["cap_drop"], body["cap_add"]) == (["AUDIT_WRITE", "MKNOD"], ["NET_RAW"])
