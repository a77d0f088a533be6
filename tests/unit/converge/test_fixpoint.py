"""`up` leads from any state to the scenario in one go, and `down` to nothing, whatever happened.

A step is carried out as soon as what it needs is done, in an order that chance decides: a need
that is missing from a plan shows as a refusal of the engine.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.converge import conflicts
from lab.converge.diff import diff
from lab.converge.plan import Action
from lab.converge.status import status
from lab.topology.spec import ContainerSpec, PodSpec
from tests.unit.converge import damage
from tests.unit.converge.labs import down, spec, spec_here, up
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from random import Random

    from lab.converge.plan import Plan

SCENARIOS = ("direct", "sidecar")
STATES = ("nothing", *SCENARIOS)


def reach(engine: FakeEngine, state: str) -> None:
    if state == "nothing":
        down(engine)
    else:
        up(engine, spec(state))


def carry_out(engine: FakeEngine, plan: Plan, random: Random) -> None:
    waiting = {step.id: step for step in plan.steps}
    while waiting:
        ready = [step for step in waiting.values() if waiting.keys().isdisjoint(step.needs)]
        step = random.choice(ready)
        engine.execute(step)
        del waiting[step.id]


def converge(engine: FakeEngine, scenario: str, random: Random) -> None:
    wanted = spec_here(engine, scenario)
    observed = engine.observe("lab")
    conflicts.check(wanted, observed)
    carry_out(engine, diff(wanted, observed), random)


def suffer(engine: FakeEngine, data: st.DataObject) -> None:
    """Up to four damages, one after the other."""
    for _ in range(data.draw(st.integers(0, 4))):
        possible = dict(damage.every(engine))
        possible[data.draw(st.sampled_from(sorted(possible)))]()


def neighbours(engine: FakeEngine) -> None:
    """Another lab, and what belongs to nobody."""
    up(engine, spec("direct", name="two", port=8081, prometheus_port=9091))
    engine.references[damage.FOREIGN_IMAGE] = "id of foreign"
    engine.add_network("foreign", "10.88.0.0/16")
    pod = engine.add_pod(PodSpec(name="foreign-pod", network="foreign", address="10.88.0.2"))
    engine.add_container(ContainerSpec(name="foreign", image=damage.FOREIGN_IMAGE), pod=pod.id)
    engine.add_volume("foreign")


def not_of(engine: FakeEngine, lab: str) -> object:
    """All that is not a lab's, to be compared later."""
    kinds = (engine.pods, engine.containers, engine.networks, engine.volumes)
    return deepcopy([[each for each in kind.values() if each.lab != lab] for kind in kinds])


@pytest.mark.parametrize(("before", "after"), list(product(STATES, STATES)))
def test_from_every_state_to_every_other_the_second_plan_is_empty(before: str, after: str) -> None:
    engine = FakeEngine()
    reach(engine, before)
    reach(engine, after)
    wanted = None if after == "nothing" else spec(after)
    assert not diff(wanted, engine.observe("lab"))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_after_any_single_damage_up_leaves_nothing_to_do(scenario: str) -> None:
    undamaged = FakeEngine()
    up(undamaged, spec(scenario))
    left = {}
    for name in dict(damage.every(undamaged)):
        engine = FakeEngine()
        up(engine, spec(scenario))
        dict(damage.every(engine))[name]()
        assert diff(spec_here(engine, scenario), engine.observe("lab")) or "untag" in name, name
        up(engine, spec_here(engine, scenario))
        if again := diff(spec_here(engine, scenario), engine.observe("lab")):
            left[name] = str(again)
    assert left == {}


@given(st.sampled_from(STATES), st.sampled_from(SCENARIOS), st.randoms(), st.data())
def test_up_repairs_any_damage_in_one_go_in_any_order(
    before: str, after: str, random: Random, data: st.DataObject
) -> None:
    engine = FakeEngine()
    reach(engine, before)
    suffer(engine, data)
    converge(engine, after, random)
    found = status(engine.observe("lab"))
    assert (found.scenario, found.state, found.drift) == (after, "up", ())
    assert not diff(spec_here(engine, after), engine.observe("lab"))


@given(st.sampled_from(SCENARIOS), st.randoms(), st.data())
def test_down_leaves_only_the_data_whatever_happened_before(
    scenario: str, random: Random, data: st.DataObject
) -> None:
    engine = FakeEngine()
    up(engine, spec(scenario))
    suffer(engine, data)
    volumes = data.draw(st.booleans())
    had_data = "lab-prometheus-data" in engine.volumes
    carry_out(engine, diff(None, engine.observe("lab"), volumes=volumes), random)
    assert (engine.pods, engine.containers, engine.networks) == ({}, {}, {})
    assert set(engine.volumes) == ({"lab-prometheus-data"} if had_data and not volumes else set())
    assert status(engine.observe("lab")).state == "absent"


@given(st.sampled_from(SCENARIOS), st.randoms(), st.data())
def test_what_is_not_this_lab_s_never_changes(
    scenario: str, random: Random, data: st.DataObject
) -> None:
    engine = FakeEngine()
    neighbours(engine)
    up(engine, spec("direct"))
    suffer(engine, data)
    before = not_of(engine, "lab")
    converge(engine, scenario, random)
    assert not_of(engine, "lab") == before
    carry_out(engine, diff(None, engine.observe("lab"), volumes=True), random)
    assert not_of(engine, "lab") == before


@given(st.sampled_from((None, *SCENARIOS)), st.data())
def test_every_plan_is_sound(target: str | None, data: st.DataObject) -> None:
    engine = FakeEngine()
    up(engine, spec(data.draw(st.sampled_from(SCENARIOS))))
    suffer(engine, data)
    wanted = spec_here(engine, target) if target else None
    observed = engine.observe("lab")
    volumes = data.draw(st.booleans())
    plan = diff(wanted, observed, volumes=volumes)

    assert diff(wanted, observed, volumes=volumes) == plan, "equal inputs give equal plans"
    ids = [step.id for step in plan.steps]
    assert len(set(ids)) == len(ids), "ids are unique"
    behind: dict[str, set[str]] = {}
    for step in plan.steps:
        assert behind.keys() >= set(step.needs), "needs are steps that stand before"
        behind[step.id] = set(step.needs).union(*(behind[need] for need in step.needs))
        assert step.because, "everything has a cause"
    builds = {step.id for step in plan.steps if step.action is Action.BUILD}
    for step in plan.steps:
        if step.action is not Action.BUILD:
            assert behind[step.id] >= builds, "no build that fails leaves the lab changed"
