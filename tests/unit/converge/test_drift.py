"""Drift: whatever was stopped, killed or removed by hand is repaired, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.converge.diff import diff
from tests.unit.converge.damage import FOREIGN_IMAGE
from tests.unit.converge.labs import changes, golden, spec, up
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.converge.plan import Plan

DIRECT = spec("direct")
SIDECAR = spec("sidecar")


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    up(engine, SIDECAR)
    return engine


def repair(engine: FakeEngine) -> Plan:
    return diff(SIDECAR, engine.observe("lab"))


@pytest.mark.parametrize("state", ["exited", "stopped"])
def test_a_killed_container_is_started(engine: FakeEngine, state: str) -> None:
    engine.named("service-a").state = state
    assert changes(repair(engine)) == golden("""
        start container service-a  because it was stopped
    """)


def test_a_paused_container_goes_on(engine: FakeEngine) -> None:
    engine.named("service-b").state = "paused"
    assert changes(repair(engine)) == golden("""
        resume container service-b  because it was paused
    """)


def test_a_removed_container_is_made_in_the_pod_that_is_there(engine: FakeEngine) -> None:
    del engine.containers[engine.named("service-a-envoy").id]
    assert changes(repair(engine)) == golden("""
        create container service-a-envoy  because it does not exist
        start container service-a-envoy  because it is new
    """)


@pytest.mark.parametrize("state", ["created", "configured", "removing", "dead", "unknown"])
def test_a_container_that_podman_cannot_start_is_made_again(engine: FakeEngine, state: str) -> None:
    engine.named("service-a").state = state
    because = f"it is {state}"
    assert changes(repair(engine)) == golden(f"""
        remove container service-a  because {because}
        create container service-a  because {because}
        start container service-a  because it is new
    """)


def test_a_container_whose_image_was_tagged_anew_is_made_again(engine: FakeEngine) -> None:
    engine.references[engine.named("service-b").image] = "another id"
    assert changes(repair(engine)) == golden("""
        remove container service-b  because its image was tagged anew
        create container service-b  because its image was tagged anew
        start container service-b  because it is new
    """)


def test_a_stopped_pod_is_started_with_all_its_containers(engine: FakeEngine) -> None:
    for member in engine.members(engine.pod_named("service-a-pod").id):
        member.state = "exited"
    assert changes(repair(engine)) == golden("""
        start pod service-a-pod  because it was stopped
    """)


def test_a_stopped_pod_without_one_of_its_containers_is_started_first(
    engine: FakeEngine,
) -> None:
    for member in engine.members(engine.pod_named("service-a-pod").id):
        member.state = "exited"
    del engine.containers[engine.named("service-a").id]
    plan = repair(engine)
    assert changes(plan) == golden("""
        start pod service-a-pod  because it was stopped
        create container service-a  because it does not exist
        start container service-a  because it is new
    """)
    assert "start pod service-a-pod" in plan.steps[1].needs


def test_a_removed_pod_is_made_again(engine: FakeEngine) -> None:
    engine.remove_pod(engine.pod_named("service-b-pod").id)
    assert changes(repair(engine)) == golden("""
        create pod service-b-pod  because it does not exist
        create container service-b  because its pod is new
        start pod service-b-pod  because it is new
    """)


def infra_died(engine: FakeEngine) -> None:
    engine.infra(engine.pod_named("service-b-pod").id).state = "exited"


def infra_never_started(engine: FakeEngine) -> None:
    engine.infra(engine.pod_named("service-b-pod").id).state = "created"
    engine.named("service-b").state = "created"


def infra_gone(engine: FakeEngine) -> None:
    del engine.containers[engine.infra(engine.pod_named("service-b-pod").id).id]


def other_settings(engine: FakeEngine) -> None:
    engine.pod_named("service-b-pod").digest = "another"


@pytest.mark.parametrize(
    ("happens", "because"),
    [
        (infra_died, "its infra container died before the others"),
        (infra_never_started, "its infra container is created"),
        (infra_gone, "its infra container is gone"),
        (other_settings, "its addresses, names or ports changed"),
    ],
)
def test_a_pod_that_cannot_be_trusted_is_made_again(
    engine: FakeEngine, happens: Callable[[FakeEngine], None], because: str
) -> None:
    happens(engine)
    assert changes(repair(engine)) == golden(f"""
        remove pod service-b-pod  because {because}
        create pod service-b-pod  because {because}
        create container service-b  because its pod is new
        start pod service-b-pod  because it is new
    """)


def test_a_pod_whose_infra_died_with_paused_members_is_made_again(engine: FakeEngine) -> None:
    infra_died(engine)
    engine.named("service-b").state = "paused"
    assert "remove pod service-b-pod" in changes(repair(engine))


def stray(engine: FakeEngine, pod: str, lab: str) -> None:
    engine.references[FOREIGN_IMAGE] = "id of foreign"
    template = SIDECAR.pods[0].containers[0]
    spec = type(template)(name="stray", image=FOREIGN_IMAGE)
    engine.add_container(spec, pod=engine.pod_named(pod).id if pod else "", lab=lab)


@pytest.mark.parametrize("pod", ["", "service-b-pod"])
def test_a_container_of_this_lab_that_the_scenario_does_not_have_is_removed(
    engine: FakeEngine, pod: str
) -> None:
    stray(engine, pod, "lab")
    assert changes(repair(engine)) == golden("""
        remove container stray  because sidecar has no such container
    """)


def test_a_container_of_this_lab_in_another_pod_is_made_in_its_own(engine: FakeEngine) -> None:
    engine.named("service-b").pod = engine.pod_named("prometheus-pod").id
    plan = repair(engine)
    assert changes(plan) == golden("""
        remove container service-b  because it is not in service-b-pod
        create container service-b  because it does not exist
        start container service-b  because it is new
    """)
    assert plan.steps[0].id in plan.steps[1].needs


def test_a_pod_of_this_lab_that_the_scenario_does_not_have_is_removed(
    engine: FakeEngine,
) -> None:
    pod = type(SIDECAR.pods[0])(name="old-pod", network="lab", address="10.64.1.99")
    engine.add_pod(pod, "lab", "old")
    assert changes(repair(engine)) == golden("""
        remove pod old-pod  because sidecar has no such pod
    """)


def test_a_container_without_a_lab_is_left_alone(engine: FakeEngine) -> None:
    stray(engine, "", "")
    assert not repair(engine)


def test_a_container_of_another_lab_is_left_alone(engine: FakeEngine) -> None:
    stray(engine, "", "two")
    assert not repair(engine)


def test_a_removed_volume_is_made_before_the_container_that_mounts_it(
    engine: FakeEngine,
) -> None:
    del engine.containers[engine.named("envoy-prom").id]
    del engine.volumes["lab-prometheus-data"]
    plan = repair(engine)
    assert changes(plan) == golden("""
        create volume lab-prometheus-data  because it does not exist
        create container envoy-prom  because it does not exist
        start container envoy-prom  because it is new
    """)
    assert plan.steps[0].id in plan.steps[1].needs


def test_a_removed_network_takes_every_pod_with_it() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    del engine.networks["lab"]
    assert changes(diff(DIRECT, engine.observe("lab"))) == golden("""
        remove pod prometheus-pod  because its network is recreated
        remove pod service-a-pod  because its network is recreated
        remove pod service-b-pod  because its network is recreated
        create network lab  because it does not exist
        create pod prometheus-pod  because its network is recreated
        create container envoy-prom  because its pod is new
        start pod prometheus-pod  because it is new
        create pod service-b-pod  because its network is recreated
        create container service-b  because its pod is new
        start pod service-b-pod  because it is new
        create pod service-a-pod  because its network is recreated
        create container service-a  because its pod is new
        start pod service-a-pod  because it is new
    """)


def test_a_network_with_other_settings_goes_when_no_pod_is_on_it_any_more() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    engine.networks["lab"].digest = "another"
    plan = diff(DIRECT, engine.observe("lab"))
    steps = {step.id: step for step in plan.steps}
    gone = steps["remove network lab"]
    assert {i for i in steps if i.startswith("remove pod")} <= set(gone.needs)
    assert gone.id in steps["create network lab"].needs
    assert "create network lab" in steps["create pod service-a-pod"].needs


def test_a_removed_record_is_written_again(engine: FakeEngine) -> None:
    for name in [v.name for v in engine.volumes.values() if v.spec]:
        del engine.volumes[name]
    assert changes(repair(engine), sidecar=SIDECAR) == golden("""
        create record <sidecar>  because it stores sidecar
    """)


def test_down_removes_what_is_left_of_a_damaged_lab(engine: FakeEngine) -> None:
    engine.remove_pod(engine.pod_named("service-a-pod").id)
    stray(engine, "", "lab")
    plan = diff(None, engine.observe("lab"))
    assert changes(plan, sidecar=SIDECAR) == golden("""
        remove pod prometheus-pod  because the lab goes down
        remove pod service-b-pod  because the lab goes down
        remove container stray  because the lab goes down
        remove network lab  because the lab goes down
        remove record <sidecar>  because the lab goes down
    """)
