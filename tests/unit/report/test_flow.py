"""The path of a run: what was counted at its hops and between them."""

import msgspec

from lab.measure.records import Record
from lab.report.flow import Step, flow
from lab.report.words import MISSING
from tests.unit.experiment.simulated import Run


def hops(step: Step | None) -> list[tuple[str, str, str]]:
    """The hops of a path without branches, each with what reached it."""
    found = []
    while step:
        found.append((step.service, step.side, step.edge))
        assert len(step.next) < 2
        step = step.next[0] if step.next else None
    return found


def drawn(record: Record) -> Step:
    found = flow(record)
    assert found
    return found


def test_each_arrow_has_the_requests_that_went_over_it() -> None:
    record = Run(requests=500).record()
    retries = record.ledger.count("service-a-envoy.egress.retries")
    assert retries
    assert hops(drawn(record)) == [
        ("client", "", MISSING),
        ("service-a-envoy", "ingress", "500"),
        ("service-a", "", "500"),
        ("service-a-envoy", "egress", "500"),
        ("service-b", "", str(500 + retries)),
    ]
    words = drawn(record).words
    assert f"{retries} retried" in words
    assert f"{500 + retries} to service-b (" in words


def test_what_was_sent_and_not_received_can_be_seen() -> None:
    record = Run(scenario="direct", requests=100).record()
    rows = (
        msgspec.structs.replace(row, count=90) if row.name == "service-a.succeeded" else row
        for row in record.ledger.rows
    )
    ledger = msgspec.structs.replace(record.ledger, rows=tuple(rows))
    (first,) = drawn(msgspec.structs.replace(record, ledger=ledger)).next
    assert not first.same
    assert first.edge.startswith("100 → ")


def test_what_was_not_measured_is_no_number() -> None:
    record = Run(scenario="direct", requests=100).record()
    rows = (msgspec.structs.replace(row, count=None) for row in record.ledger.rows)
    ledger = msgspec.structs.replace(record.ledger, rows=tuple(rows))
    found = hops(drawn(msgspec.structs.replace(record, ledger=ledger)))
    assert {edge for _, _, edge in found} == {MISSING}


def test_branches_stand_beside_each_other_and_what_counts_nothing_says_so() -> None:
    record = Run(scenario="direct", requests=10).record()
    path = (("client", "service-a"), ("service-a", "service-b"), ("service-a", "other"))
    spec = msgspec.structs.replace(record.spec, path=path)
    (first,) = drawn(msgspec.structs.replace(record, spec=spec)).next
    assert [step.service for step in first.next] == ["service-b", "other"]
    assert first.next[1].facts == (("counts nothing", "gap"),)


def test_a_path_that_goes_round_in_circles_ends() -> None:
    record = Run(scenario="direct", requests=10).record()
    path = (("client", "service-a"), ("service-a", "service-a"))
    spec = msgspec.structs.replace(record.spec, path=path)
    assert len(hops(drawn(msgspec.structs.replace(record, spec=spec)))) == 3


def test_a_desk_has_room_for_the_shipped_paths_and_not_for_any() -> None:
    step = drawn(Run().record())
    assert step.gap >= 50
    assert Step("x" * 200, "", "1", same=True, facts=(), next=(step,)).gap == 0


def test_a_scenario_without_a_path_has_none() -> None:
    record = Run(scenario="direct", requests=10).record()
    spec = msgspec.structs.replace(record.spec, path=())
    assert flow(msgspec.structs.replace(record, spec=spec)) is None
