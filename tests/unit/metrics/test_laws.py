"""Laws follow from a path: pinned for the shipped scenarios, and for other shapes of path."""

from pathlib import Path

import pytest

from lab import kinds
from lab.kinds.base import Program
from lab.metrics.laws import derive
from lab.metrics.quantities import Quantities
from lab.spec.expressions import sum_of
from lab.topology import scenario

GOLDEN = Path(__file__).parent / "golden"
BEFORE = {"direct": 4, "sidecar": 13}
"""How many equations were once written by hand."""

SERVICE = kinds.describe("http_service", Program(service="any")).hops[""]


@pytest.mark.parametrize("name", ["direct", "sidecar", "scale"])
def test_the_laws_of_a_shipped_scenario_are_these(name: str) -> None:
    found = Quantities(scenario.load(name, given={})).laws
    lines = (f"{law.name}: {law.left} = {law.right}  # {law.says}" for law in found.laws)
    golden = "sidecar" if name == "scale" else name
    assert "\n".join((*lines, *found.gaps, "")) == (GOLDEN / f"{golden}.txt").read_text()
    assert len(found.laws) >= BEFORE.get(name, 0)


def test_a_hop_that_counts_nothing_leaves_a_gap_and_no_law() -> None:
    edges = (("client", "proxy"), ("proxy", "black-box"), ("black-box", "db"))
    found = derive(edges, {"proxy": SERVICE, "db": SERVICE})
    assert [law.passes for law in found.laws if law.passes] == [("client", "proxy")]
    assert found.gaps == ("black-box counts nothing: what reaches it is not checked",)


def test_each_branch_receives_every_request_and_failures_are_nobodys() -> None:
    edges = (("client", "a"), ("a", "b"), ("a", "c"))
    found = derive(edges, dict.fromkeys("abc", SERVICE))
    passed = [law.passes for law in found.laws if law.passes]
    assert passed == [("client", "a"), ("a", "b"), ("a", "c")]
    between = [law.name for law in found.laws if law.name.startswith("a→")]
    assert between == ["a→b received", "a→c received"]


def test_every_law_speaks_of_quantities_that_are_known() -> None:
    for each in scenario.names():
        quantities = Quantities(scenario.load(each.name, given={}))
        for law in quantities.laws.laws:
            for side in (law.left, law.right):
                assert all(map(quantities.knows, sum_of(side).names())), law
