"""What a lab looks like now, beside what it was asked to be."""

from __future__ import annotations

import pytest

from lab.converge.status import Status, status
from tests.unit.converge.labs import down, spec, up
from tests.unit.fake_engine import FakeEngine

SIDECAR = spec("sidecar", error_rate=30)


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    up(engine, SIDECAR)
    return engine


def seen(engine: FakeEngine) -> Status:
    return status(engine.observe("lab"))


def test_a_lab_that_was_never_there_is_absent() -> None:
    assert seen(FakeEngine()) == Status(name="lab", state="absent", in_sync=False)


def test_a_lab_that_runs_is_up_and_in_sync(engine: FakeEngine) -> None:
    found = seen(engine)
    assert (found.state, found.up, found.in_sync, found.drift) == ("up", True, True, ())


def test_a_status_says_what_was_asked_for_and_where_it_answers(engine: FakeEngine) -> None:
    found = seen(engine)
    assert found.scenario == "sidecar"
    assert found.parameters["error-rate"] == 30
    assert found.endpoints == {
        "prometheus": "http://127.0.0.1:9090",
        "service-a": "http://127.0.0.1:8080",
    }


def test_a_status_names_the_ports_that_other_machines_reach(engine: FakeEngine) -> None:
    assert seen(engine).exposed == ()
    up(engine, spec("sidecar", host="192.0.2.7"))
    assert seen(engine).exposed == ("prometheus", "service-a")
    assert seen(engine).endpoints["service-a"] == "http://192.0.2.7:8080"


def test_a_status_has_every_pod_with_its_address_and_containers(engine: FakeEngine) -> None:
    pod = seen(engine).pods[2]
    assert (pod.name, pod.state, pod.ip) == ("service-a-pod", "running", "10.64.1.12")
    assert [(c.name, c.state) for c in pod.containers] == [
        ("service-a", "running"),
        ("service-a-envoy", "running"),
    ]
    assert pod.containers[0].id == engine.named("service-a").id
    assert pod.containers[0].image == engine.named("service-a").image


def test_a_killed_container_degrades_the_lab_and_the_drift_says_how_to_repair_it(
    engine: FakeEngine,
) -> None:
    engine.named("service-a").state = "exited"
    found = seen(engine)
    assert (found.state, found.up, found.in_sync) == ("degraded", False, False)
    assert found.pods[2].state == "degraded"
    assert found.drift == ("start container service-a  because it was stopped",)


def test_a_missing_container_is_shown_as_missing(engine: FakeEngine) -> None:
    del engine.containers[engine.named("service-a-envoy").id]
    envoy = seen(engine).pods[2].containers[1]
    assert (envoy.name, envoy.state, envoy.id) == ("service-a-envoy", "missing", "")
    assert envoy.image == SIDECAR.pods[2].containers[1].image


def test_a_missing_pod_is_shown_as_missing(engine: FakeEngine) -> None:
    engine.remove_pod(engine.pod_named("service-b-pod").id)
    found = seen(engine)
    assert found.state == "degraded"
    assert (found.pods[1].name, found.pods[1].state) == ("service-b-pod", "missing")


def test_a_lab_whose_containers_run_can_be_up_and_out_of_sync(engine: FakeEngine) -> None:
    engine.named("service-b").digest = "changed"
    found = seen(engine)
    assert (found.state, found.in_sync) == ("up", False)
    assert len(found.drift) == 3


def test_a_pod_of_somebody_else_s_with_the_name_of_a_missing_one_is_not_shown(
    engine: FakeEngine,
) -> None:
    engine.pod_named("service-b-pod").lab = "two"
    assert seen(engine).pods[1].state == "missing"


def test_a_lab_without_a_record_is_degraded_and_shows_what_runs(engine: FakeEngine) -> None:
    for name in [v.name for v in engine.volumes.values() if v.spec]:
        del engine.volumes[name]
    found = seen(engine)
    assert (found.state, found.scenario) == ("degraded", "")
    assert [pod.name for pod in found.pods] == [
        "prometheus-pod",
        "service-a-pod",
        "service-b-pod",
    ]
    assert [c.name for c in found.pods[1].containers] == ["service-a", "service-a-envoy"]
    assert found.drift == ("nothing says what this lab was made from",)


def test_a_lab_of_which_only_the_record_is_left_is_degraded() -> None:
    engine = FakeEngine()
    up(engine, SIDECAR)
    for pod in list(engine.pods):
        engine.remove_pod(pod)
    engine.networks.clear()
    assert seen(engine).state == "degraded"


def test_a_lab_that_went_down_is_absent_although_its_data_stays(engine: FakeEngine) -> None:
    down(engine)
    assert "lab-prometheus-data" in engine.volumes
    assert seen(engine).state == "absent"


def test_another_lab_does_not_show(engine: FakeEngine) -> None:
    assert status(engine.observe("two")).state == "absent"
