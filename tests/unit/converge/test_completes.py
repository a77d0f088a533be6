"""Containers whose work has an end: exited with code 0 they are as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.converge.diff import diff
from lab.converge.status import status
from lab.images import recipes
from lab.topology import scenario
from lab.topology.place import place
from tests.unit.converge.labs import changes, up
from tests.unit.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path

    from lab.topology.spec import LabSpec

TEXT = """\
summary: A web server, and what prepares its data.
pods:
  web-pod:
    containers:
      web: {image: "docker.io/library/web:1"}
      migrate: {image: "docker.io/library/web:1", completes: true}
"""


@pytest.fixture
def wanted(tmp_path: Path) -> LabSpec:
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT)
    spec = recipes.resolve(scenario.load(str(file), name="lab", given={}), recipes.REGISTRY)
    return place(spec, current="10.64.1.0/24", in_use=())


@pytest.fixture
def engine(wanted: LabSpec) -> FakeEngine:
    engine = FakeEngine()
    up(engine, wanted)
    return engine


def end(engine: FakeEngine, name: str, code: int) -> None:
    engine.named(name).state, engine.named(name).exit_code = "exited", code


def test_one_that_has_completed_is_in_sync_and_not_run_again(
    engine: FakeEngine, wanted: LabSpec
) -> None:
    end(engine, "migrate", 0)
    found = status(engine.observe("lab"))
    assert (found.state, found.in_sync, found.pods[0].state) == ("up", True, "running")
    assert [(c.state, c.exit_code) for c in found.pods[0].containers] == [
        ("running", None),
        ("completed", 0),
    ]
    plan = diff(wanted, engine.observe("lab"))
    assert not plan
    assert "keep container migrate  because it has completed" in str(plan)


def test_one_that_still_works_is_in_sync(engine: FakeEngine, wanted: LabSpec) -> None:
    assert status(engine.observe("lab")).in_sync
    assert not diff(wanted, engine.observe("lab"))


def test_one_that_failed_is_run_again(engine: FakeEngine, wanted: LabSpec) -> None:
    end(engine, "migrate", 1)
    found = status(engine.observe("lab"))
    assert (found.state, found.in_sync) == ("degraded", False)
    assert found.pods[0].containers[1].exit_code == 1
    assert "start container migrate" in changes(diff(wanted, engine.observe("lab")))


def test_a_container_that_should_run_is_not_well_with_code_0(
    engine: FakeEngine, wanted: LabSpec
) -> None:
    end(engine, "web", 0)
    assert status(engine.observe("lab")).state == "degraded"
    assert "start container web" in changes(diff(wanted, engine.observe("lab")))


def test_changed_it_is_made_anew_although_it_had_completed(
    engine: FakeEngine, wanted: LabSpec
) -> None:
    end(engine, "migrate", 0)
    engine.named("migrate").digest = "another"
    assert "create container migrate" in changes(diff(wanted, engine.observe("lab")))
