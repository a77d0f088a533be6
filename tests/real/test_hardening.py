"""What the lab's containers may do, and who can reach what."""

import json
import os
import socket
from pathlib import Path

import pytest
import requests

from lab.engine import host
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab
from tests.real.waiting import until

pytestmark = pytest.mark.real

CONTAINERS = ("service-a", "service-a-envoy", "service-b", "envoy-prom")
SIDECAR_METRICS = 9902
METRICS = 8081


def process_status(podman: Podman, container: str) -> dict[str, str]:
    """The fields of /proc/PID/status of a container's process (proc(5))."""
    pid = podman.inspect(container)["State"]["Pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("short", CONTAINERS)
def test_a_process_of_the_lab_has_no_privileges(
    shared_lab: Lab, podman: Podman, short: str
) -> None:
    status = process_status(podman, shared_lab.container(short))
    assert 0 not in {int(uid) for uid in status["Uid"].split()}
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("short", CONTAINERS)
def test_a_container_of_the_lab_cannot_write_to_its_root(
    shared_lab: Lab, podman: Podman, short: str
) -> None:
    found = podman.inspect(shared_lab.container(short))
    assert found["HostConfig"]["ReadonlyRootfs"] is True
    mounts = Path(f"/proc/{found['State']['Pid']}/mountinfo").read_text().splitlines()
    (root,) = (line.split() for line in mounts if line.split()[4] == "/")
    assert "ro" in root[5].split(",")


@pytest.mark.parametrize("short", CONTAINERS)
def test_a_container_of_the_lab_has_limits_where_the_host_can_set_them(
    shared_lab: Lab, podman: Podman, short: str
) -> None:
    found = podman.inspect(shared_lab.container(short))["HostConfig"]
    possible = os.geteuid() == 0 or host.look().cgroups == "v2"
    limits = (found["Memory"], found["PidsLimit"])
    assert limits == ((512 * 1024 * 1024, 256) if possible else (0, 0))


def test_only_service_a_and_prometheus_are_published(shared_lab: Lab, podman: Podman) -> None:
    published = {
        (binding["HostIp"], int(binding["HostPort"]), port)
        for key in podman.ids(shared_lab.name)
        if key.startswith("container ")
        for port, bindings in (
            podman.inspect(key.split()[1])["NetworkSettings"]["Ports"] or {}
        ).items()
        for binding in bindings or ()
    }
    assert published == {
        ("127.0.0.1", shared_lab.port, "80/tcp"),
        ("127.0.0.1", shared_lab.prometheus_port, "9090/tcp"),
    }


def test_prometheus_scrapes_everything_inside_the_lab(shared_lab: Lab) -> None:
    wanted = {
        f"http://service-a-pod:{SIDECAR_METRICS}/stats/prometheus",
        f"http://service-a-pod:{METRICS}/metrics",
        f"http://service-b-pod:{METRICS}/metrics",
    }

    def scraped() -> set[str]:
        url = f"http://127.0.0.1:{shared_lab.prometheus_port}/api/v1/targets"
        targets = requests.get(url, timeout=10).json()["data"]["activeTargets"]
        return {target["scrapeUrl"] for target in targets if target["health"] == "up"}

    until("Prometheus has scraped everything", lambda: scraped() == wanted)


def test_only_the_host_that_was_asked_for_publishes(labs: Labs) -> None:
    lab = labs("hosts")
    elsewhere = "127.0.0.2"

    def answers(address: str) -> bool:
        with socket.socket() as client:
            client.settimeout(5)
            return client.connect_ex((address, lab.port)) == 0

    lab.up("direct")
    assert answers("127.0.0.1")
    assert not answers(elsewhere)
    lab.up("direct", "--host", "0.0.0.0")  # noqa: S104 - what a user may ask for
    assert answers("127.0.0.1")
    assert answers(elsewhere)
    assert json.loads(lab("status", "-o", "json").out)["parameters"]["host"] == "0.0.0.0"  # noqa: S104
