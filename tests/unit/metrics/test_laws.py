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


def test_a_hop_that_several_call_receives_what_all_of_them_sent() -> None:
    edges = (("client", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))
    found = {law.name: law for law in derive(edges, dict.fromkeys("abcd", SERVICE)).laws}
    assert [name for name in found if name.endswith("→d received")] == ["b+c→d received"]
    law = found["b+c→d received"]
    assert law.says == "d received what b and c sent"
    assert law.left == "b.succeeded + b.failed + c.succeeded + c.failed"
    assert law.passes == ("b and c", "d")
    assert found["b+c→d failed"].left == "b.failed + c.failed"


def test_of_several_callers_one_that_counts_nothing_leaves_no_law() -> None:
    edges = (("client", "a"), ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"))
    found = derive(edges, dict.fromkeys("abd", SERVICE))
    assert not [law.name for law in found.laws if "→d" in law.name]
    assert found.gaps == ("c counts nothing: what reaches it is not checked",)


def test_a_call_back_is_one_more_call() -> None:
    edges = (("client", "a"), ("a", "b"), ("b", "a"))
    found = {law.name: law.left for law in derive(edges, dict.fromkeys("ab", SERVICE)).laws}
    assert found["client+b→a received"] == "client.sent + b.succeeded + b.failed"


def test_every_law_speaks_of_quantities_that_are_known() -> None:
    for each in scenario.names():
        quantities = Quantities(scenario.load(each.name, given={}))
        for law in quantities.laws.laws:
            for side in (law.left, law.right):
                assert all(map(quantities.knows, sum_of(side).names())), law
