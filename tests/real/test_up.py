"""`lab up`: converging to a scenario, once, again, and to another one."""

import time

import pytest

from tests.real import prometheus
from tests.real.conftest import Labs
from tests.real.engine import Podman
from tests.real.steps import step
from tests.real.traffic import send
from tests.real.waiting import until

pytestmark = pytest.mark.real

STATUS_KEYS = {"name", "scenario", "state", "in_sync", "parameters", "pods", "endpoints"}


def test_a_second_up_does_nothing_to_podman_and_says_why(labs: Labs, podman: Podman) -> None:
    lab = labs("twice")
    began = podman.now()
    with step("the first up creates everything"):
        lab.up("direct")
        events = podman.events(lab.name, began)
        assert any(event.startswith("pod create") for event in events), events
        assert any(event.startswith("container start") for event in events), events
        assert any(event.startswith("volume create") for event in events), events
    before, again = podman.states(lab.name), podman.now()
    with step("the second finds nothing to do"):
        said = lab.up("direct").out
        assert "nothing to do" in said
        assert podman.events(lab.name, again) == []
        assert podman.states(lab.name) == before
    with step("its plan gives a reason for everything it keeps"):
        plan = lab.up("direct", "--dry-run", "-o", "json").json
        assert plan["steps"] == []
        assert all(kept["because"] for kept in plan["kept"])


def test_an_up_with_nothing_to_do_still_checks_readiness(labs: Labs, podman: Podman) -> None:
    lab = labs("stuck")
    lab.up("direct")
    process = str(podman.inspect(lab.container("service-b"))["State"]["Pid"])
    with step("service B hangs, which podman does not notice"):
        lab.account.run("kill", "-STOP", process)
        assert podman.state(lab.container("service-b")) == "running"
    result = lab.up("direct", "--wait", "2s", status=3)
    assert "service-a did not answer within 2s" in result.err
    with step("it goes on, and up is content"):
        lab.account.run("kill", "-CONT", process)
        lab.up("direct")


def test_changing_the_scenario_replaces_only_the_pod_of_service_a(
    labs: Labs, podman: Podman
) -> None:
    lab = labs("switch")
    stays = ("service-b", "envoy-prom")
    counted = f"{lab.name} has counted 20 requests"
    asked = 20

    def service_b_total() -> float:
        return prometheus.total(lab, "service_b_requests_total")

    with step("direct, with some traffic"):
        lab.up("direct")
        ids = {name: lab.id(name) for name in stays}
        pod_ids = podman.ids(lab.name)
        images = podman.json("images", "--format", "json")
        send(lab.url, asked)
        until(counted, lambda: service_b_total() == asked)
    direct_era = time.time()
    for scenario in ("sidecar", "direct"):
        with step(f"to {scenario}: what it shares with the last one stays"):
            lab.up(scenario)
            assert {name: lab.id(name) for name in stays} == ids
            found = podman.ids(lab.name)
            for pod in ("service-b-pod", "prometheus-pod", "service-a-pod"):
                key = f"pod {lab.container(pod)}"
                assert found[key] == pod_ids[key]
            key = f"container {lab.container('service-a')}"
            assert found[key] != pod_ids[key]
            pod_ids = found
        with step(f"{scenario} answers, and is what status says"):
            assert lab.status()["scenario"] == scenario
    with step("B's counters went on"):
        assert service_b_total() == asked
    with step("Prometheus remembers the time before the change"):
        then = prometheus.query(lab, f"sum(service_b_requests_total @ {direct_era:.3f})")
        assert float(then[0]["value"][1]) == asked
    with step("no image was built"):
        shipped = {i["Id"]: i.get("Names") for i in images}
        later = {i["Id"]: i.get("Names") for i in podman.json("images", "--format", "json")}
        assert {i: names for i, names in later.items() if i in shipped} == shipped


def test_another_parameter_replaces_only_the_container_it_concerns(
    labs: Labs, podman: Podman
) -> None:
    lab = labs("parameter")
    lab.up("direct")
    before = podman.ids(lab.name)
    lab.up("direct", "--error-rate", "35")
    after = podman.ids(lab.name)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {key for key in changed if not key.startswith("volume ")} == {
        f"container {lab.container('service-b')}"
    }
    environment = podman.inspect(lab.container("service-b"))["Config"]["Env"]
    assert "ERROR_RATE=35" in environment


def test_a_dry_run_creates_nothing(labs: Labs, podman: Podman) -> None:
    lab = labs("dry")
    planned = lab.up("sidecar", "--dry-run", "-o", "json").json
    assert podman.states(lab.name) == {}
    created = {(step["kind"], step["name"]) for step in planned["steps"]}
    assert ("pod", lab.container("service-a-pod")) in created
    assert ("container", lab.container("service-a-envoy")) in created
    assert all(step["because"] for step in planned["steps"])


def test_results_go_to_stdout_and_progress_to_stderr(labs: Labs) -> None:
    lab = labs("streams")
    brought_up = lab.up("direct", "-o", "json")
    assert brought_up.json.keys() >= STATUS_KEYS
    assert "create pod" in brought_up.err
    quiet = lab.up("sidecar", "-q", "-o", "json")
    assert quiet.json["scenario"] == "sidecar"
    assert quiet.err == ""
