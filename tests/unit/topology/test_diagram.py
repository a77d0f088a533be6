"""Labs as pictures: golden flowcharts, and names that Mermaid would take for its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.topology import scenario
from lab.topology.diagram import mermaid
from lab.topology.spec import ContainerSpec, LabSpec, NetworkSpec, PodSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
DRAWN = {
    "sidecar": "sidecar",
    "scale": "scale",
    "haproxy": "haproxy",
    "fan-out": str(EXAMPLES / "fan-out" / "fan-out.yaml"),
    "cache": str(EXAMPLES / "cache" / "cache.yaml"),
}


@pytest.mark.parametrize(("name", "ref"), DRAWN.items(), ids=DRAWN)
def test_a_scenario_is_drawn_as_its_golden_flowchart(name: str, ref: str) -> None:
    drawn = mermaid(scenario.load(ref, given={}))
    assert drawn + "\n" == (GOLDEN / f"{name}.mermaid").read_text()


@pytest.mark.parametrize("given_", [{"port": 8081}, {"host": "0.0.0.0"}, {"copies": 2}])  # noqa: S104
def test_the_picture_follows_the_parameters(given_: Mapping[str, int | str]) -> None:
    plain, changed = (mermaid(scenario.load("sidecar", given=dict(g))) for g in ({}, given_))
    assert plain != changed


def test_another_name_of_a_lab_changes_nothing() -> None:
    one, two = (mermaid(scenario.load("scale", name=name, given={})) for name in ("lab", "two"))
    assert one == two


def test_a_name_with_a_dash_is_not_one_with_an_underscore() -> None:
    drawn = mermaid(spec("a-b", "a_b", "a.b", "a b"))
    nodes = [line.strip().partition("[")[0] for line in drawn.splitlines() if '["a' in line]
    assert len({*nodes}) == 4


def spec(*names: str) -> LabSpec:
    pods = tuple(
        PodSpec(name=f"pod {name}", containers=(ContainerSpec(name=name, image="i"),))
        for name in names
    )
    return LabSpec(name="lab", scenario="s", network=NetworkSpec(name="n"), pods=pods)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_no_text_ends_its_node(name: str) -> None:
    for line in mermaid(spec(name)).split("\n")[1:]:
        text = line.strip()
        assert text == "end" or text.count('"') == 2


def test_end_is_no_node() -> None:
    lines = [line.strip() for line in mermaid(spec("end")).splitlines()]
    assert lines.count("end") == 1
