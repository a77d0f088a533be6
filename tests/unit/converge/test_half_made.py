"""What podman leaves when it is killed while it makes a container: it is in the way, and goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.converge import conflicts
from lab.converge.diff import diff
from lab.converge.observed import HALF_MADE
from lab.errors import EngineError
from tests.unit.converge.labs import changes, down, golden, spec, up
from tests.unit.fake_engine import Container, FakeEngine

if TYPE_CHECKING:
    from lab.topology.spec import LabSpec

DIRECT = spec("direct")


def half_make(engine: FakeEngine, name: str) -> None:
    """As podman leaves it: a name and no labels."""
    engine.containers[f"half {name}"] = Container(f"half {name}", name, "", state=HALF_MADE)


@pytest.mark.parametrize("name", ["service-a", "service-a-pod-infra"])
def test_what_was_never_finished_is_removed_before_its_name_is_used(name: str) -> None:
    engine = FakeEngine()
    half_make(engine, name)
    with pytest.raises(EngineError, match="in use"):
        engine.add_container(DIRECT.pods[0].containers[0].__class__(name=name, image="x"))
    plan = up(engine, DIRECT)
    assert f"remove container {name}  because it was never finished" in str(plan)
    assert f"remove container {name}" in {n for s in plan.steps for n in s.needs}
    assert not diff(DIRECT, engine.observe("lab"))


def test_it_is_no_conflict() -> None:
    engine = FakeEngine()
    half_make(engine, "service-a")
    conflicts.check(DIRECT, engine.observe("lab"))


def test_only_a_lab_s_own_names_count() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    half_make(engine, "two-service-a")
    half_make(engine, "foreign")
    assert not diff(DIRECT, engine.observe("lab"))
    down(engine)
    assert {c.name for c in engine.containers.values()} == {"two-service-a", "foreign"}


@pytest.mark.parametrize("asked", [None, DIRECT])
def test_names_of_what_was_recorded_count_too(asked: LabSpec | None) -> None:
    engine = FakeEngine()
    up(engine, spec("sidecar"))
    engine.remove_pod(engine.pod_named("service-a-pod").id)
    half_make(engine, "service-a-envoy")
    plan = diff(asked, engine.observe("lab"))
    assert changes(plan).count("remove container service-a-envoy") == 1


def test_down_removes_it() -> None:
    engine = FakeEngine()
    up(engine, DIRECT)
    engine.containers.pop(engine.named("service-a").id)
    half_make(engine, "service-a")
    assert changes(diff(None, engine.observe("lab")), direct=DIRECT) == golden("""
        remove pod prometheus-pod  because the lab goes down
        remove pod service-a-pod  because the lab goes down
        remove pod service-b-pod  because the lab goes down
        remove container service-a  because it was never finished
        remove network lab  because the lab goes down
        remove record <direct>  because the lab goes down
    """)
