"""`lab status`: what it promises to programs."""

import pytest

from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.labs import Lab

pytestmark = pytest.mark.real


def test_status_describes_the_lab_as_podman_does(shared_lab: Lab, podman: Podman) -> None:
    found = shared_lab.status()
    assert found["name"] == shared_lab.name
    assert (found["scenario"], found["state"], found["in_sync"]) == ("sidecar", "up", True)
    assert found["parameters"]["error-rate"] == 20
    assert found["endpoints"] == {
        "service-a": f"http://127.0.0.1:{shared_lab.port}",
        "prometheus": f"http://127.0.0.1:{shared_lab.prometheus_port}",
    }
    containers: dict[str, dict[str, str]] = {}
    for pod in found["pods"]:
        members = podman.json("pod", "inspect", pod["name"])["Containers"]
        infra = next(member["Id"] for member in members if member["Name"].endswith("-infra"))
        networks = podman.inspect(infra)["NetworkSettings"]["Networks"]
        assert [network["IPAddress"] for network in networks.values()] == [pod["ip"]]
        assert pod["state"] == "running"
        containers |= {container["name"]: container for container in pod["containers"]}
    assert set(containers) == {
        shared_lab.container(name)
        for name in ("service-a", "service-a-envoy", "service-b", "envoy-prom")
    }
    for name, container in containers.items():
        inspected = podman.inspect(name)
        assert container["id"] == inspected["Id"]
        assert container["image"] == inspected["ImageName"]
        assert container["state"] == inspected["State"]["Status"] == "running"


def test_a_lab_that_is_not_there_is_absent(labs: Labs) -> None:
    lab = labs("nowhere")
    assert lab.status(expect=3)["state"] == "absent"
    assert "absent" in lab("status", status=3).out


def test_status_on_paper_cuts_nothing_off(shared_lab: Lab) -> None:
    printed = shared_lab("status").out
    for pod in shared_lab.status()["pods"]:
        assert pod["ip"] in printed
        assert all(container["name"] in printed for container in pod["containers"])
