"""Plans where lab sets rules on the host: before anything is on the network, removed with it."""

from __future__ import annotations

import pytest

from lab.converge.diff import diff
from lab.converge.observed import INCOMPLETE
from lab.converge.status import status
from tests.unit.converge.labs import changes, down, golden, spec, up
from tests.unit.fake_engine import FakeEngine

DIRECT = spec("direct")
SUBNET = DIRECT.network.subnet


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(references={i.reference: i.name for i in DIRECT.images}, firewall="")


def test_every_pod_waits_for_the_rules(engine: FakeEngine) -> None:
    plan = diff(DIRECT, engine.observe("lab"))
    pods = [step for step in plan.steps if step.id.startswith("create pod ")]
    assert len(pods) == 3
    assert all("create firewall lab" in step.needs for step in pods)
    assert "create firewall lab  because it does not exist" in str(plan)


def test_an_up_leads_to_an_empty_plan(engine: FakeEngine) -> None:
    up(engine, DIRECT)
    assert engine.firewall == SUBNET
    assert not diff(DIRECT, engine.observe("lab"))


@pytest.mark.parametrize(
    ("found", "because"),
    [
        ("", "it does not exist"),
        (INCOMPLETE, "some of its rules are gone"),
        ("10.64.99.0/24", "the network's subnet changed"),
    ],
)
def test_rules_that_are_not_as_they_should_be_are_drift(
    engine: FakeEngine, found: str, because: str
) -> None:
    up(engine, DIRECT)
    engine.firewall = found
    seen = status(engine.observe("lab"))
    assert seen.drift == (f"create firewall lab  because {because}",)
    assert changes(up(engine, DIRECT)) == seen.drift[0]
    assert engine.firewall == SUBNET


def test_they_go_when_no_pod_is_left(engine: FakeEngine) -> None:
    up(engine, DIRECT)
    steps = {step.id: step for step in down(engine).steps}
    pods = {name for name in steps if name.startswith("remove pod")}
    assert pods <= {*steps["remove firewall lab"].needs}
    assert engine.firewall == ""


@pytest.mark.parametrize("left", [SUBNET, INCOMPLETE])
def test_down_removes_them_also_when_they_are_all_that_is_left(
    engine: FakeEngine, left: str
) -> None:
    engine.firewall = left
    assert changes(down(engine)) == golden("remove firewall lab  because the lab goes down")
    assert status(engine.observe("lab")).state == "absent"


def test_where_lab_sets_none_no_plan_has_any() -> None:
    engine = FakeEngine(references={i.reference: i.name for i in DIRECT.images})
    assert "firewall" not in str(up(engine, DIRECT))
    assert "firewall" not in str(down(engine))
